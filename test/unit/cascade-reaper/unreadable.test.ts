import { abandonCascade } from '../../../functions/cascade-reaper/abandon-cascade.ts';
import { closeCascade } from '../../../functions/cascade-reaper/close-cascade.ts';
import { handleEndEvents } from '../../../functions/cascade-reaper/end-events.ts';
import { settle } from '../../../functions/rebuild-dispatch/settle.ts';
import * as keys from '../../../shared/adapters/dynamodb/table/keys.ts';
import { collect } from '../../../shared/concurrency.ts';
import { isOpen } from '../../../shared/domain/cause/cascade.ts';
import type { Rebuild } from '../../../shared/domain/cause/rebuild.ts';
import type { MemoryTable } from '../../support/memory-dynamo.ts';
import { reaperPortsOf } from '../../support/reaper-ports.ts';
import { digestOf } from '../../support/samples.ts';
import { corrupt, storedWorld } from '../../support/stored-world.ts';
import { causeOf, comeToRest, HOUR_MS, plan, streamOf } from '../cascade-plan/support.ts';
import { portsOf as dispatchPorts } from '../rebuild-dispatch/support.ts';
import {
  ARN,
  CASCADE,
  held,
  MACHINES,
  nodeOf,
  type ReaperWorld,
  reaperWorld,
  reserved,
  runningCascade,
  servicesOf,
} from './support.ts';

/* One item of the ledger that cannot be read keeps its own stream from its end, and no other one of its cascade. */

const FAILED = { build: { state: 'failed', detail: 'exit code 1' } } as const satisfies Partial<Rebuild>;

/** A cascade of three streams whose builds have failed, over the real ledgers. */
async function threeStreams(): Promise<{ readonly world: ReaperWorld; readonly memory: MemoryTable }> {
  const { world, memory } = storedWorld(await reaperWorld());
  await runningCascade(world, {}, {}, {});
  for (const n of [0, 1, 2]) {
    await reserved(world, n, FAILED);
    // Items of the first stream are to be read first, and to stop what comes after them.
    await world.guards.change(streamOf(n), (before) => before);
    await world.rollouts.openClosure({
      ...{ cascadeId: CASCADE, stream: streamOf(n), facts: [], output: digestOf('output') },
      ...{ sinceEpochMs: world.clock(), deadlineEpochMs: world.clock() + HOUR_MS, state: 'open' },
    });
  }
  return { world, memory };
}

const DETAIL = { cause: 'The state machine gave up.', error: 'States.Timeout', status: 'FAILED' };

/** All that ends a cascade. */
const ENDS: readonly [string, (world: ReaperWorld) => Promise<unknown>][] = [
  ['CloseCascade', (world) => closeCascade(portsOf(world), { cascadeId: CASCADE, executionArn: ARN })],
  [
    'AbandonCascade',
    (world) =>
      abandonCascade(portsOf(world), {
        ...{ cascadeId: CASCADE, executionArn: ARN },
        error: { Error: 'States.Timeout', Cause: 'too late' },
      }),
  ],
  [
    'the event of its end',
    async (world) => {
      world.executions.end(CASCADE, 'failed');
      const detail = {
        ...{ executionArn: ARN, stateMachineArn: MACHINES.cascadeMachineArn.split(':').slice(0, 7).join(':') },
        ...{ name: CASCADE, startDate: world.clock(), stopDate: world.clock(), ...DETAIL },
      };
      const body = JSON.stringify({ ...EVENT, detail });
      const handled = await handleEndEvents(servicesOf(world).ports, MACHINES, [{ messageId: 'm', body }]);
      expect(handled).toEqual(['ended']);
    },
  ],
];
const EVENT = {
  ...{ version: '0', id: 'e', 'detail-type': 'Step Functions Execution Status Change', source: 'aws.states' },
  ...{ account: '111122223333', time: '2026-11-24T03:00:00Z', region: 'eu-west-1', resources: [] },
};
const portsOf = (world: ReaperWorld) => reaperPortsOf(world, world.previewRuns);

interface Kind {
  readonly key: keys.Key;
  readonly changes: Readonly<Record<string, unknown>>;
  /** What the first stream keeps. */
  readonly keeps: readonly string[];
}

const LOCK = 'lock of rebuild-0';
const KINDS: readonly [string, Kind][] = [
  ['rebuild history', { key: keys.rebuildHistory(streamOf()), changes: { failuresInARow: 'none' }, keeps: [LOCK] }],
  [
    'packed rebuild history',
    { key: keys.rebuildHistory(streamOf()), changes: { survived: Buffer.from('x') }, keeps: [LOCK] },
  ],
  ['cause', { key: keys.cause(streamOf()), changes: { version: '1' }, keeps: [] }],
  ['facts of a cause', { key: keys.cause(streamOf()), changes: { facts: [{}] }, keeps: [] }],
  [
    'rebuild',
    { key: keys.rebuild(streamOf(), 'rebuild-0'), changes: { pipeline: 'web' }, keeps: [LOCK, 'slot of rebuild-0'] },
  ],
  ['node', { key: keys.node(CASCADE, streamOf()), changes: { wave: 'first' }, keeps: [] }],
];

describe.each(ENDS)('%s', (_, end) => {
  test.each(KINDS)('a %s that cannot be read is named, and the others end', async (__, { key, changes, keeps }) => {
    const { world, memory } = await threeStreams();
    corrupt(memory, key, changes);
    await end(world);
    const cascade = await world.cascades.get(CASCADE);
    expect(cascade).toMatchObject({ state: 'incomplete', endedAtEpochMs: world.clock() });
    expect(cascade?.failure?.detail).toContain(`${key.PK} / ${key.SK}`);
    expect(await held(world)).toEqual(keeps);
    for (const n of [1, 2]) {
      expect((await nodeOf(world, n))?.state).toBe('failed');
      expect((await causeOf(world, n)).state).toBe('open');
      expect((await world.guards.get([streamOf(n)])).get(streamOf(n))).toMatchObject({ failuresInARow: 1 });
    }
  });

  test.each(KINDS)('with an unreadable %s, planner and reaper stop', async (__, { key, changes }) => {
    const { world, memory } = await threeStreams();
    corrupt(memory, key, changes);
    await end(world);
    world.executions.end(CASCADE, 'failed');
    world.advance(HOUR_MS);
    await plan(world);
    await comeToRest(world);
  });
});

test.each(KINDS)('an unreadable %s is corrected: everything that its stream holds is released', async (_, kind) => {
  const { key, changes } = kind;
  const { world, memory } = await threeStreams();
  const before = memory.items.get(`${key.PK} ${key.SK}`);
  corrupt(memory, key, changes);
  await closeCascade(portsOf(world), { cascadeId: CASCADE, executionArn: ARN });
  memory.items.set(`${key.PK} ${key.SK}`, before as never);
  world.executions.end(CASCADE, 'failed');
  world.advance(HOUR_MS);
  await plan(world);
  await comeToRest(world);
  expect(await held(world)).toEqual([]);
  expect((await causeOf(world)).state).not.toBe('taken');
  if (!key.SK.startsWith('NODE#'))
    expect((await world.guards.get([streamOf()])).get(streamOf())).toMatchObject({ failuresInARow: 1 });
});

test('an item of another cascade that is read meanwhile is not named', async () => {
  const { world, memory } = await threeStreams();
  const stream = streamOf(7);
  const rebuildId = 'rebuild-of-another';
  const lock = { stream, rebuildId, cascadeId: 'other-g1', attempt: 1, executionArn: ARN } as const;
  await world.locks.take({ ...lock, takenAtEpochMs: 1, deadlineEpochMs: world.clock() + HOUR_MS } as never);
  corrupt(memory, keys.lock(stream), { executionArn: 7 });
  corrupt(memory, keys.rebuildHistory(streamOf(1)), { failuresInARow: 'none' });
  const policies = {
    current: () => world.policies.current(),
    // As the guard of accounts does while the policy in force cannot be read.
    load: async (version: string) => {
      await collect(world.locks.all());
      return world.policies.load(version);
    },
  };
  const ports = { ...portsOf(world), policies };
  await closeCascade(ports, { cascadeId: CASCADE, executionArn: ARN });
  expect(world.unreadable.items().map(({ stream: of }) => of)).toContain(stream);
  const detail = (await world.cascades.get(CASCADE))?.failure?.detail;
  expect(detail).toContain(`STREAM#${streamOf(1)} / GUARD`);
  expect(detail).not.toContain(stream);
});

describe('SettleNode', () => {
  const step = { action: 'settle', cascadeId: CASCADE, executionArn: ARN, stream: streamOf(), failure: null } as const;

  test.each(KINDS.slice(0, -1))('ends its node without a %s, and the cascade names it', async (_, { key, changes }) => {
    const { world, memory } = await threeStreams();
    corrupt(memory, key, changes);
    await settle(dispatchPorts(world as never), step);
    expect(await nodeOf(world)).toMatchObject({ unreadable: [expect.stringContaining(`${key.PK} / ${key.SK}`)] });
    memory.items.delete(`${key.PK} ${key.SK}`);
    await closeCascade(portsOf(world), { cascadeId: CASCADE, executionArn: ARN });
    expect((await world.cascades.get(CASCADE))?.failure?.detail).toContain(`${key.PK} / ${key.SK}`);
  });

  test('a stream that is verified stays so, and its cascade is incomplete', async () => {
    const { world, memory } = storedWorld(await reaperWorld());
    await runningCascade(world, {});
    const output = digestOf('output');
    await reserved(world, 0, { build: { state: 'succeeded' }, output, outcome: { result: 'fixed' } });
    corrupt(memory, keys.cause(streamOf()), { version: '1' });
    await settle(dispatchPorts(world as never), step);
    expect(await nodeOf(world)).toMatchObject({ state: 'verified', output });
    const closed = await closeCascade(portsOf(world), { cascadeId: CASCADE, executionArn: ARN });
    expect(closed).toMatchObject({ state: 'incomplete', detail: expect.stringContaining(`CAUSE#${streamOf()}`) });
  });
});

test('a closure that cannot be read is named, and its stream is planned to be deployed again', async () => {
  const { world, memory } = storedWorld(await reaperWorld());
  await runningCascade(world, { state: 'verified', output: digestOf('output') }, {});
  await reserved(world, 1, FAILED);
  await world.rollouts.openClosure({
    ...{ cascadeId: CASCADE, stream: streamOf(), facts: [], output: digestOf('output'), services: [] },
    ...{ sinceEpochMs: world.clock(), deadlineEpochMs: world.clock() + HOUR_MS, state: 'open' },
  });
  const key = keys.closure(CASCADE, streamOf());
  corrupt(memory, key, { facts: 'none' });
  await closeCascade(portsOf(world), { cascadeId: CASCADE, executionArn: ARN });
  const cascade = await world.cascades.get(CASCADE);
  expect(cascade && isOpen(cascade)).toBe(false);
  expect(cascade?.failure?.detail).toContain(`${key.PK} / ${key.SK}`);
  expect(await held(world)).toEqual([]);
});
