import { readFileSync } from 'node:fs';
import { COMMANDS } from '../../../cli/all-commands.ts';
import type { CliContext } from '../../../cli/command.ts';
import { DynamoImageIndex } from '../../../shared/adapters/dynamodb/images/image-index.ts';
import { DynamoUsageLedger } from '../../../shared/adapters/dynamodb/images/usage-ledger.ts';
import { DynamoExpiries } from '../../../shared/adapters/dynamodb/retention/expiry-ledger.ts';
import { DynamoRunLedger } from '../../../shared/adapters/dynamodb/reviews/run-ledger.ts';
import { DynamoScopeLedger } from '../../../shared/adapters/dynamodb/reviews/scope-ledger.ts';
import { LedgerTable } from '../../../shared/adapters/dynamodb/table/table.ts';
import { storedPolicy } from '../../../shared/domain/policy/policy-check.ts';
import { actingLedgers, imageLedgers } from '../../../shared/lambda/ledgers.ts';
import { fakeWorld } from '../../support/fakes/world.ts';
import { MemoryTable } from '../../support/memory-dynamo.ts';
import { storedItem } from '../../support/stored-items.ts';
import { cliContext, run } from '../cli/support.ts';

/*
 * Version 0.1.0 called some things in the ledger otherwise, and nothing migrates them: what has another name now is absent.
 * It stops no command.
 */
const read = (file: string): string => readFileSync(new URL(file, import.meta.url), 'utf8');
const items = read('0.1.0.items.jsonl').trimEnd().split('\n').map(storedItem);
const SWITCH = { kind: 'kill-switch', state: 'paused', by: 'jo', atEpochMs: 1, reason: 'an incident', rev: 'r' };

async function contextOf010(): Promise<CliContext> {
  const memory = new MemoryTable();
  for (const item of items) memory.items.set(`${item.PK} ${item.SK}`, item);
  memory.items.set('SWITCH CURRENT', { PK: 'SWITCH', SK: 'CURRENT', ...SWITCH });
  const table = new LedgerTable(memory.client(), 'ledger');
  const world = fakeWorld();
  await world.policies.publish(storedPolicy(JSON.parse(read('0.2.0.policy.json'))), {});
  return {
    ...cliContext(world),
    ...imageLedgers(table),
    ...actingLedgers(table),
    index: new DynamoImageIndex(table),
    usages: new DynamoUsageLedger(table),
    runs: new DynamoRunLedger(table),
    scopes: new DynamoScopeLedger(table),
    expiries: new DynamoExpiries(table),
    unreadable: table.unreadable,
  } as unknown as CliContext;
}

const images = items.filter(({ kind }) => kind === 'image').map(({ PK }) => PK.slice('IMAGE#'.length));
const asked: readonly (readonly [string, ...string[]])[] = [
  ...['status', 'plan', 'age', 'protection'].map((name) => [name] as const),
  ...images.map((digest) => ['why', digest] as const),
];

test.each(asked)('%s %s answers on a ledger of version 0.1.0', async (name, ...words) => {
  const command = COMMANDS[name];
  if (!command) throw new Error(`no command ${name}`);
  const { code, text } = await run(command, await contextOf010(), words, {});
  expect(code).toBe(0);
  expect(text).not.toMatch(/undefined|NaN|\[object/);
});

test('a kill switch of version 0.1.0 reads as paused, with the reason', async () => {
  const { status } = COMMANDS;
  if (!status) throw new Error('no status');
  const { text } = await run(status, await contextOf010(), [], {});
  expect(text).toContain('rebuilding: paused, because it cannot be read: ledger item SWITCH / CURRENT: ');
});
