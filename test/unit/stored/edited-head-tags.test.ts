import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { policyCommand } from '../../../cli/commands/policy.ts';
import { planCauses } from '../../../functions/cascade-plan/plan.ts';
import { handleEndEvents } from '../../../functions/cascade-reaper/end-events.ts';
import { checkClosures } from '../../../functions/rollout/check-closures.ts';
import { DynamoFleetPlaces } from '../../../shared/adapters/dynamodb/images/fleet-places.ts';
import { DynamoImageIndex } from '../../../shared/adapters/dynamodb/images/image-index.ts';
import { DynamoUsageLedger } from '../../../shared/adapters/dynamodb/images/usage-ledger.ts';
import { DynamoCascadeLedger } from '../../../shared/adapters/dynamodb/rebuilds/cascade-ledger.ts';
import { DynamoRunLedger } from '../../../shared/adapters/dynamodb/reviews/run-ledger.ts';
import { DynamoScopeLedger } from '../../../shared/adapters/dynamodb/reviews/scope-ledger.ts';
import { LedgerTable } from '../../../shared/adapters/dynamodb/table/table.ts';
import { collect } from '../../../shared/concurrency.ts';
import { storedPolicy } from '../../../shared/domain/policy/policy-check.ts';
import type { Scope } from '../../../shared/domain/review/run.ts';
import { lineOf } from '../../../shared/domain/stream/stream.ts';
import { actingLedgers, imageLedgers } from '../../../shared/lambda/ledgers.ts';
import { runFileKeys } from '../../../shared/review/documents.ts';
import { type FakeWorld, fakeWorld } from '../../support/fakes/world.ts';
import { MemoryTable } from '../../support/memory-dynamo.ts';
import { reaperPortsOf } from '../../support/reaper-ports.ts';
import { HOUR_MS, review } from '../../support/samples.ts';
import { storedItem } from '../../support/stored-items.ts';
import { portsOf as planPorts } from '../cascade-plan/support.ts';
import { cliContext, run } from '../cli/support.ts';
import { messages } from '../registry-events/support.ts';
import { type RolloutWorld, portsOf as rolloutPorts } from '../rollout/support.ts';

/* The ledger that version 0.2.0 wrote, while the platform team edits each head tag of its policy. */

const read = (file: string): string => readFileSync(new URL(file, import.meta.url), 'utf8');
const ITEMS = read('0.2.0.ledger.jsonl')
  .trimEnd()
  .split('\n')
  .filter((line) => !line.includes('sample'))
  .map(storedItem);
const POLICY = storedPolicy(JSON.parse(read('0.2.0.policy.json')));
const CASCADE = '5a84bf7c79fb-g1';
const REPORTS = '444455556666/us-east-1/apps/reports:^stable$';
const SEARCH = '444455556666/us-east-1/apps/search:^stable$';
const [HUB, NEAR] = ['111122223333', '444455556666'].map((account) => ({ account, region: 'us-east-1' })) as [
  Scope,
  Scope,
];
const SCOPES = [HUB, NEAR];

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'edited-head-tags-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Closures and causes are open; the cascade runs yet, and builds its last stream. */
async function storedWorld() {
  const memory = new MemoryTable();
  for (const item of ITEMS) memory.items.set(`${item.PK} ${item.SK}`, item);
  const table = new LedgerTable(memory.client(), 'ledger', { attempts: 20, wait: async () => undefined });
  const ledgers = { ...actingLedgers(table), ...imageLedgers(table), cascades: new DynamoCascadeLedger(table) };
  const others = {
    fleetPlaces: new DynamoFleetPlaces(table),
    usages: new DynamoUsageLedger(table),
    runs: new DynamoRunLedger(table),
    scopes: new DynamoScopeLedger(table),
  };
  const base = fakeWorld();
  const world = { ...base, ...ledgers, ...others, unreadable: table.unreadable } as unknown as FakeWorld;
  const change = (PK: string, SK: string, changes: object, ...without: string[]): void => {
    const kept = Object.entries(memory.items.get(`${PK} ${SK}`) ?? {}).filter(([name]) => !without.includes(name));
    memory.items.set(`${PK} ${SK}`, { ...Object.fromEntries(kept), PK, SK, ...changes });
  };
  const open = { state: 'running', openPk: 'OPEN#CASCADE', openSk: CASCADE };
  change(`CASCADE#${CASCADE}`, 'CASCADE', open, 'endedAtEpochMs', 'failure');
  change(`CASCADE#${CASCADE}`, `NODE#${SEARCH}`, { state: 'building' }, 'outcome', 'output');
  const rebuildId = '20261128T023222772Z-e79c7ba08a3c';
  change(`STREAM#${SEARCH}`, `REBUILD#${rebuildId}`, {}, 'outcome', 'output', 'endedAtEpochMs');
  change(`CAUSE#${SEARCH}`, 'CAUSE', { state: 'taken', takenBy: { cascadeId: CASCADE } }, 'answer');
  const { executionArn = '', policyVersion } = (await world.cascades.get(CASCADE)) ?? {};
  const deadlineEpochMs = 1_795_836_749_498;
  await world.locks.take({
    ...{ stream: SEARCH, rebuildId, cascadeId: CASCADE, executionArn },
    attempt: 1,
    deadlineEpochMs,
  });
  const endedAtEpochMs = Math.max(...ITEMS.map((item) => Number(item.endedAtEpochMs ?? 0)));
  world.advance(endedAtEpochMs + HOUR_MS - world.clock());
  world.policies.replace(policyVersion ?? '', read('0.2.0.policy.json'));
  await world.policies.publish(POLICY, {});
  return { world, executionArn, index: new DynamoImageIndex(table) };
}

type StoredWorld = Awaited<ReturnType<typeof storedWorld>>;

/** Every head tag reads otherwise, and means the same. */
async function edited({ world, index }: StoredWorld): Promise<void> {
  const file = join(folder, 'edited.json');
  const streams = POLICY.streams.map((rule) => ({
    ...rule,
    headTags: rule.headTags.map((headTag) => `^(${headTag.slice(1, -1)})$`),
  }));
  writeFileSync(file, JSON.stringify({ ...POLICY, streams }));
  const { code, text } = await run(policyCommand, { ...cliContext(world), index }, ['apply', file], { yes: true });
  expect([code, text]).toEqual([0, expect.stringContaining('is in force now')]);
}

/** A review that reads everything. */
async function reviewed(world: FakeWorld, runId: string): Promise<string> {
  world.advance(HOUR_MS);
  const { version } = await world.policies.current();
  const { running } = await world.runs.latest();
  if (running) await world.runs.finish({ ...running, state: 'succeeded' });
  await world.runs.begin(review(runId, { policyVersion: version, startedAtEpochMs: world.clock() }));
  await world.runFiles.put(
    runFileKeys(runId).scopes,
    SCOPES.map((scope) => ({ scope })),
  );
  const inventory = { clusters: 1, tasks: 1, containers: 1, usages: 1, unresolved: 0 };
  for (const scope of SCOPES) {
    const key = `${scope.account}/${scope.region}`;
    await world.runs.recordPart(runId, { kind: 'scope', key, result: { scope, status: 'complete', inventory } });
    const registry = { status: 'complete', images: 6, missing: 0, unread: [], beganAtEpochMs: world.clock() } as const;
    await world.runs.recordPart(runId, { kind: 'registry', key, ...registry });
    await world.scopes.record({ scope, completeAtEpochMs: world.clock(), includesStopping: true });
  }
  return runId;
}

test('every stream that 0.2.0 wrote keeps its rule under edited head tags', async () => {
  const stored = await storedWorld();
  const before = ITEMS.flatMap(({ stream }) => (typeof stream === 'string' && lineOf(POLICY, stream) ? stream : []));
  await edited(stored);
  const { policy } = await stored.world.policies.current();
  expect(new Set(before).size).toBeGreaterThan(5);
  expect(before.filter((stream) => !lineOf(policy, stream))).toEqual([]);
});

test('a running cascade, its lock and closures of 0.2.0 end under edited head tags, and causes keep their answers', async () => {
  const stored = await storedWorld();
  const { world, executionArn } = stored;
  await edited(stored);
  const stateMachineArn = 'arn:aws:states:us-east-1:111122223333:stateMachine:patchwave-rebuild-cascade';
  const ended = {
    ...{ source: 'aws.states', 'detail-type': 'Step Functions Execution Status Change', resources: [] },
    ...{ account: '111122223333', region: 'us-east-1', time: new Date(world.clock()).toISOString() },
    detail: { executionArn, stateMachineArn, status: 'ABORTED', startDate: world.clock() - HOUR_MS },
  };
  const machines = { cascadeMachineArn: stateMachineArn, reviewMachineArn: 'a:reviews' };
  expect(await handleEndEvents(reaperPortsOf(world), machines, messages([JSON.stringify(ended)]))).toEqual(['ended']);
  expect(await collect(world.cascades.open())).toEqual([]);
  expect((await collect(world.locks.all())).flat()).toEqual([]);

  // What runs the flaw keeps its closures open, by the ids of before.
  const look = async (runId: string) =>
    checkClosures(rolloutPorts(world as RolloutWorld), {
      runId: await reviewed(world, runId),
      policyVersion: (await world.policies.current()).version,
    });
  expect(await look('run-1')).toMatchObject({ open: 3, closed: 0 });

  const answers = async (request: string) => {
    await planCauses(planPorts(world), request);
    return (await collect(world.causes.open())).map(({ stream, answer }) => [stream, answer?.reason]);
  };
  // As before the edit: its pipeline pins its parent, and the policy only reports the other one.
  expect(await answers('request-1')).toEqual([
    [REPORTS, 'report-only'],
    [SEARCH, 'parent-pinned'],
  ]);

  const running = await collect(world.usages.live(NEAR));
  const old = running.filter(({ workload }) => ['reports', 'search'].includes(workload));
  expect(old).toHaveLength(2);
  await world.usages.end(old, world.clock());
  for (const { digest } of old) await world.images.recordPresence(digest, { inUse: false });
  expect(await look('run-2')).toMatchObject({ open: 0, closed: 3 });
});
