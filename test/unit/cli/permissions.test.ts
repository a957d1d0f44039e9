import { readFileSync } from 'node:fs';
import {
  BatchGetCommand,
  DeleteCommand,
  type DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
} from '@aws-sdk/lib-dynamodb';
import type { Command } from '../../../cli/command.ts';
import { ageCommand } from '../../../cli/commands/age.ts';
import { checkCommand } from '../../../cli/commands/check.ts';
import { confirmLeftCommand } from '../../../cli/commands/confirm-left.ts';
import { confirmUnusedCommand } from '../../../cli/commands/confirm-unused.ts';
import { doorsCommand } from '../../../cli/commands/doors.ts';
import { pauseCommand, resumeCommand } from '../../../cli/commands/pause.ts';
import { planCommand } from '../../../cli/commands/plan.ts';
import { protectionCommand } from '../../../cli/commands/protection.ts';
import { rebuildCommand } from '../../../cli/commands/rebuild.ts';
import { resetCommand } from '../../../cli/commands/reset.ts';
import { statusCommand } from '../../../cli/commands/status.ts';
import { tagsCommand } from '../../../cli/commands/tags.ts';
import { watchCommandOf } from '../../../cli/commands/watch.ts';
import { whyCommand } from '../../../cli/commands/why.ts';
import { DynamoFleetPlaces } from '../../../shared/adapters/dynamodb/images/fleet-places.ts';
import { DynamoImageIndex } from '../../../shared/adapters/dynamodb/images/image-index.ts';
import { DynamoRunningReads } from '../../../shared/adapters/dynamodb/images/running-ledger.ts';
import { DynamoUsageLedger } from '../../../shared/adapters/dynamodb/images/usage-ledger.ts';
import { DynamoAskedWebhooks } from '../../../shared/adapters/dynamodb/policy/asked-webhooks.ts';
import { DynamoBreakGlassLedger } from '../../../shared/adapters/dynamodb/policy/break-glass-ledger.ts';
import { DynamoExpiries } from '../../../shared/adapters/dynamodb/retention/expiry-ledger.ts';
import { DynamoRunLedger } from '../../../shared/adapters/dynamodb/reviews/run-ledger.ts';
import { DynamoScopeLedger } from '../../../shared/adapters/dynamodb/reviews/scope-ledger.ts';
import { DynamoServiceAtZeroLedger } from '../../../shared/adapters/dynamodb/reviews/service-at-zero-ledger.ts';
import { LedgerTable } from '../../../shared/adapters/dynamodb/table/table.ts';
import { doorsSchema } from '../../../shared/domain/policy/doors.ts';
import { scopeOf } from '../../../shared/domain/review/run.ts';
import { actingLedgers, imageLedgers } from '../../../shared/lambda/ledgers.ts';
import { parse } from '../../../shared/schema.ts';
import { documented } from '../../support/documented-actions.ts';
import { MemoryTable } from '../../support/memory-dynamo.ts';
import { lock, rebuild } from '../../support/rebuild-samples.ts';
import { digestOf, usage } from '../../support/samples.ts';
import { planWorld, STREAM, streamOf, violating } from '../cascade-plan/support.ts';
import { cliContext, run } from './support.ts';

const ACTIONS = new Map<unknown, string>([
  [GetCommand, 'dynamodb:GetItem'],
  [BatchGetCommand, 'dynamodb:BatchGetItem'],
  [QueryCommand, 'dynamodb:Query'],
  [PutCommand, 'dynamodb:PutItem'],
  [DeleteCommand, 'dynamodb:DeleteItem'],
]);

const partition = (key: unknown): string => String(key).replace(/#.*/, '#*');

/** A stream with a cause, a lock and a rebuild, in the tables of DynamoDB, and what is asked of them. */
async function recorded({ isEmpty = false } = {}) {
  const asked = new Set<string>();
  const written = new Set<string>();
  const read = new Set<string>();
  const client = new MemoryTable().client(async () => 'done');
  const send = client.send.bind(client) as (command: object) => Promise<object>;
  client.send = (async (command: object) => {
    asked.add(ACTIONS.get(command.constructor) ?? command.constructor.name);
    if (command instanceof GetCommand) read.add(partition(command.input.Key?.PK));
    if (command instanceof BatchGetCommand)
      for (const { Keys = [] } of Object.values(command.input.RequestItems ?? {}))
        for (const { PK } of Keys) read.add(partition(PK));
    if (command instanceof PutCommand) written.add(partition(command.input.Item?.PK));
    if (command instanceof DeleteCommand) written.add(partition(command.input.Key?.PK));
    return send(command);
  }) as DynamoDBDocumentClient['send'];
  const table = new LedgerTable(client, 'ledger');
  const fakes = await planWorld();
  const world = { ...fakes, ...imageLedgers(table), ...actingLedgers(table) };
  if (!isEmpty) {
    await violating(world as never);
    await world.locks.take(lock('r1', { stream: STREAM }));
    await world.rebuilds.record(STREAM, 'r1', () => rebuild('r1', { stream: STREAM }));
  }
  const context = {
    ...cliContext(world as never),
    fleetPlaces: new DynamoFleetPlaces(table),
    index: new DynamoImageIndex(table),
    usages: new DynamoUsageLedger(table),
    running: new DynamoRunningReads(table),
    runs: new DynamoRunLedger(table),
    scopes: new DynamoScopeLedger(table),
    servicesAtZero: new DynamoServiceAtZeroLedger(table),
    expiries: new DynamoExpiries(table),
    breakGlasses: new DynamoBreakGlassLedger(table),
    webhooks: new DynamoAskedWebhooks(table),
    executions: {
      state: async () => {
        asked.add('states:DescribeExecution');
        return 'running' as const;
      },
    },
    tags: {
      ...cliContext(world as never).tags,
      all: async () => ({ named: new Map(), mutability: { isImmutable: false, except: [] } }),
    },
    templates: async () => {
      for (const action of templateActions()) asked.add(action);
      return [];
    },
    refreshes: {
      send: async () => void asked.add('sqs:SendMessage'),
    },
    policies: {
      ...fakes.policies,
      publish: fakes.policies.publish.bind(fakes.policies),
      inForce: () => {
        asked.add('dynamodb:GetItem');
        return fakes.policies.inForce();
      },
      current: () => {
        // The pointer, then the document.
        asked.add('dynamodb:GetItem').add('s3:GetObject');
        return fakes.policies.current();
      },
    },
  };
  const forget = () => {
    asked.clear();
    written.clear();
    read.clear();
  };
  forget();
  return { asked, written, read, context, forget, other: new LedgerTable(client, 'ledger') };
}

/** The calls of the adapters that read templates. */
const templateActions = (): readonly string[] =>
  (
    [
      ['ecs', 'ecs-services', /(?:new (\w+)Command\(|paginate(\w+)\()/g],
      ['ecs', 'ecs-workloads', /paginate(ListClusters)\(/g],
      ['eks', 'eks-connection', /new (\w+)Command\(/g],
      ['eks', 'eks-workloads', /paginate(ListClusters)\(/g],
    ] as const
  ).flatMap(([service, file, call]) =>
    [...readFileSync(`shared/adapters/${file}.ts`, 'utf8').matchAll(call)].map(
      ([, command, paginated]) => `${service}:${command ?? paginated}`,
    ),
  );

test.each<[string, Command, readonly string[]]>([
  ['age', ageCommand, []],
  ['status', statusCommand, []],
  ['watch', watchCommandOf(() => AbortSignal.timeout(50)), []],
  ['why', whyCommand, [digestOf('app-0')]],
  ['protection', protectionCommand, []],
  ['check', checkCommand, [`111122223333/eu-west-1/team/app-0@${digestOf('unseen')}`]],
  ['tags', tagsCommand, ['check', '111122223333/eu-west-1/team/app-0']],
  ['doors check', doorsCommand, ['check']],
  ['doors break-glass', doorsCommand, ['break-glass']],
  ['doors open', doorsCommand, ['open', '111122223333/eu-west-1/main/shop']],
  ['doors close', doorsCommand, ['close', '111122223333/eu-west-1/main/shop']],
  ['doors forget', doorsCommand, ['forget', '111122223333/eu-west-1/main']],
  ['plan', planCommand, []],
  ['rebuild', rebuildCommand, [streamOf(0)]],
  ['reset', resetCommand, [streamOf(0)]],
  ['pause', pauseCommand, []],
  ['resume', resumeCommand, []],
  ['confirm-left', confirmLeftCommand, ['444455556666/eu-west-1']],
  ['confirm-unused', confirmUnusedCommand, ['111122223333/eu-west-1/main/old']],
])('%s asks for exactly what its documentation says', async (name, command, words) => {
  const { asked, written, context, forget, other } = await recorded();
  if (name === 'resume') {
    await context.killSwitch.set({ rebuilding: 'paused', by: 'jo', atEpochMs: 1, reason: 'an incident' });
    forget();
  }
  if (name === 'confirm-left') {
    const scope = { account: '444455556666', region: 'eu-west-1' };
    await context.scopes.record({ scope, left: { atEpochMs: 1, usages: 1 } });
    forget();
  }
  if (name === 'confirm-unused') {
    const old = { account: '111122223333', region: 'eu-west-1', cluster: 'main', service: 'old' };
    // Another process: a table remembers what it wrote.
    await new DynamoServiceAtZeroLedger(other).change(old, () => ({ ...old, sinceEpochMs: 1 }));
    forget();
  }
  if (name === 'doors open' || name === 'doors close') {
    const place = { account: '111122223333', region: 'eu-west-1', cluster: 'main', namespace: 'shop' };
    const breakGlass = { author: 'jo', reason: 'an incident', expiresAtEpochMs: context.clock() + 1 };
    await context.breakGlasses.begin(place, breakGlass, { uid: '1', user: 'jo', atEpochMs: 1, proof: 'person' });
    forget();
  }
  if (name === 'doors forget') {
    await context.webhooks.record({ account: '111122223333', region: 'eu-west-1', cluster: 'main' }, 'signed', 1);
    forget();
  }
  if (name === 'doors check') {
    const { version, policy } = await context.policies.current();
    const doors = parse(doorsSchema, { mode: 'deny' });
    await context.policies.publish({ ...policy, doors }, { replaces: version });
    const runs = usage('app-0');
    await context.scopes.record({ scope: scopeOf(runs), completeAtEpochMs: 1 });
    await context.usages.record([runs], 1);
    forget();
  }
  const flags = {
    ...('reason' in command.options && (command !== doorsCommand || name === 'doors open') && { reason: 'a test' }),
    ...(name === 'doors open' && { for: '1h' }),
    ...(name === 'confirm-unused' && {
      by: 'Jo',
      until: new Date(context.clock() + 30 * 86_400_000).toISOString().slice(0, 10),
    }),
    // Far enough to find an image.
    ...('days' in command.options && { days: '3650' }),
    ...('wait' in command.options && { wait: '0' }),
  };
  await run(command, context as never, words, flags);
  // Before the first review there are no causes, beside which the switch would be read.
  const first = name === 'status' ? await recorded({ isEmpty: true }) : undefined;
  if (first) await run(command, first.context as never, words, flags);
  const actions = [...asked.union(first?.asked ?? new Set())];
  expect({ actions: actions.sort(), written: [...written].sort() }).toEqual(documented.get(name));
});

test('doctor needs exactly its documented permissions; member calls use the assumed role', () => {
  const askedIn = (file: string) =>
    [...readFileSync(`cli/doctor/${file}`, 'utf8').matchAll(/asking\(\s*'([\w:-]+)'/g)].map(
      ([, action = '']) => action,
    );
  // What the ledger needs for the last review, the policy in force and the scopes.
  const ledger = ['dynamodb:GetItem', 'dynamodb:Query', 's3:GetObject'];
  const actions = new Set([...askedIn('aws-hub.ts'), ...askedIn('aws-doors.ts'), 'sts:AssumeRole', ...ledger]);
  // Every command needs it.
  actions.delete('cloudformation:DescribeStacks');
  const deep = [...actions].filter((action) => action.startsWith('states:'));
  expect(deep.sort()).toEqual(documented.get('doctor --deep')?.actions);
  for (const action of deep) actions.delete(action);
  expect([...actions].sort()).toEqual(documented.get('doctor')?.actions);
});

test('check reads only partitions that its role may read, and the pointer of the policy', async () => {
  const { read, context } = await recorded();
  const image = `111122223333/eu-west-1/team/app-0@${digestOf('app-0')}`;
  await run(checkCommand, context as never, [image], { wait: '0' });
  expect([...read].sort()).toEqual(['IMAGE#*', 'INDEX#*']);
});
