import * as keys from '../../../shared/adapters/dynamodb/table/keys.ts';
import { mergeCause } from '../../../shared/domain/cause/cause.ts';
import type { MemoryTable } from '../../support/memory-dynamo.ts';
import { cascade as cascadeOf, lock, node as nodeOf, rebuild } from '../../support/rebuild-samples.ts';
import { digestOf } from '../../support/samples.ts';
import { corrupt, storedWorld } from '../../support/stored-world.ts';
import {
  causeOf,
  HOUR_MS,
  lastStarted,
  type PlanWorld,
  pipelineOf,
  plan,
  planWorld,
  streamOf,
  violating,
  wakeUp,
} from './support.ts';

/* One item of the ledger that cannot be read stops its own stream, and no other. */

const STREAM = streamOf(1);

/** Two streams over the real ledgers, the second one with a lock and a rebuild that have ended. */
async function twoStreams(): Promise<{ readonly world: PlanWorld; readonly memory: MemoryTable }> {
  const { world, memory } = storedWorld(await planWorld());
  await violating(world, 0);
  await violating(world, 1);
  const { executionArn } = await world.executions.start('earlier-g1');
  world.executions.end('earlier-g1', 'failed');
  const own = { stream: STREAM, cascadeId: 'earlier-g1', deadlineEpochMs: world.clock() - HOUR_MS };
  await world.locks.take(lock('r1', { ...own, executionArn }));
  const build = { state: 'failed' } as const;
  await world.rebuilds.record(STREAM, 'r1', () => rebuild('r1', { ...own, pipeline: pipelineOf(1), build }));
  return { world, memory };
}

const planned = async (world: PlanWorld): Promise<readonly string[]> =>
  (await lastStarted(world)).nodes.map(({ stream }) => stream);

test('all readable causes are planned together', async () => {
  const { world } = await twoStreams();
  await wakeUp(world);
  expect(await planned(world)).toEqual([streamOf(0), STREAM]);
});

test.each<[string, keys.Key, Readonly<Record<string, unknown>>]>([
  ['a lock whose ARN is a number', keys.lock(STREAM), { executionArn: 7 }],
  ['a lock without a rebuild', keys.lock(STREAM), { rebuildId: undefined }],
  ['a rebuild without a pipeline', keys.rebuild(STREAM, 'r1'), { pipeline: 'web' }],
  ['a memory of the guards that counts in words', keys.rebuildHistory(STREAM), { failuresInARow: 'none' }],
  [
    'a rebuild history whose list cannot be unpacked',
    keys.rebuildHistory(STREAM),
    { survived: new Uint8Array([1, 2]) },
  ],
  ['a cause whose version is a text', keys.cause(STREAM), { version: '1' }],
  ['a cause whose facts are of no kind', keys.cause(STREAM), { facts: [{}] }],
  ['a stream without a tier', keys.stream(STREAM), { tier: 1 }],
  ['an image of a stream, by its digest', keys.streamImage(STREAM, digestOf('app-1')), { digest: 1 }],
  ['an image without a birth', keys.image(digestOf('app-1')), { birth: 'long ago' }],
])('%s: the other streams are planned, this one is not, and the item is named', async (_, key, changes) => {
  const { world, memory } = await twoStreams();
  corrupt(memory, key, changes);
  const { unreadable } = (await plan(world)) ?? {};
  expect(unreadable?.map(({ item }) => item)).toEqual([`${key.PK} / ${key.SK}`]);
  expect(await planned(world)).toEqual([streamOf(0)]);
  if (key.PK.startsWith('CAUSE#')) return;
  const { state, answer } = await causeOf(world, 1);
  expect([state, answer?.answer]).toEqual(['open', 'wait']);
  expect(answer?.reason).toMatch(/^(unreadable-record|unknown-facts|head-unread)$/);
  expect(answer?.detail).not.toMatch(/\.\.|cannot be read.*cannot be read/);
});

test('a manual request of a stream with an unreadable latest rebuild: the answer names the item once', async () => {
  const { world, memory } = await twoStreams();
  memory.items.delete(`${keys.lock(STREAM).PK} ${keys.lock(STREAM).SK}`);
  const request = { kind: 'person', ruleId: 'asked-by-person', by: 'jo', reason: 'a new base' } as const;
  await world.causes.change(STREAM, (cause) =>
    mergeCause(STREAM, cause, [{ ...request, sinceEpochMs: world.clock() }]),
  );
  const key = keys.rebuild(STREAM, 'r1');
  corrupt(memory, key, { pipeline: 'web' });
  await plan(world);
  expect((await causeOf(world, 1)).answer).toMatchObject({
    reason: 'unreadable-record',
    detail: `A ledger item of the stream cannot be read: ${key.PK} / ${key.SK}: \`pipeline\` must be an object, not text. Correct or delete it.`,
  });
});

test('a corrected item is planned and no longer named', async () => {
  const { world, memory } = await twoStreams();
  corrupt(memory, keys.lock(STREAM), { executionArn: 7 });
  await plan(world);
  memory.items.delete(`${keys.lock(STREAM).PK} ${keys.lock(STREAM).SK}`);
  expect(await plan(world)).toMatchObject({ streams: 1 });
  expect(world.unreadable.items()).toEqual([]);
  expect(await planned(world)).toEqual([STREAM]);
});

describe('a lock that cannot be read', () => {
  const key = keys.lock(STREAM);
  const isLocked = (memory: MemoryTable): boolean => memory.items.has(`${key.PK} ${key.SK}`);

  test('is released after its rebuild has ended, and the stream is planned again', async () => {
    const { world, memory } = await twoStreams();
    await world.rebuilds.record(STREAM, 'r1', (before) => before && { ...before, endedAtEpochMs: world.clock() });
    corrupt(memory, key, { rebuildId: 7 });
    await plan(world);
    expect((await causeOf(world, 1)).answer?.detail).toContain('The planner deletes this lock');
    expect(isLocked(memory)).toBe(false);
    await plan(world);
    expect(await planned(world)).toEqual([STREAM]);
    expect(world.unreadable.items()).toEqual([]);
  });

  test('stays while a build of the stream may run, and no longer than its deadline', async () => {
    const { world, memory } = await twoStreams();
    const deadlineEpochMs = world.clock() + HOUR_MS;
    await world.rebuilds.record(
      STREAM,
      'r1',
      (before) => before && { ...before, startingAtEpochMs: 1, build: { state: 'running' }, deadlineEpochMs },
    );
    corrupt(memory, key, { executionArn: 7 });
    await plan(world);
    expect(isLocked(memory)).toBe(true);
    world.advance(HOUR_MS);
    await plan(world);
    expect(isLocked(memory)).toBe(false);
  });

  test('stays while an open cascade has the stream: it may have taken the lock a moment ago', async () => {
    const { world, memory } = await twoStreams();
    await world.rebuilds.record(STREAM, 'r1', (before) => before && { ...before, endedAtEpochMs: world.clock() });
    memory.items.delete(`${key.PK} ${key.SK}`);
    await plan(world);
    expect(await planned(world)).toContain(STREAM);
    await world.locks.take(lock('r2', { stream: STREAM, cascadeId: 'of-now' }));
    corrupt(memory, key, { executionArn: 7 });
    await plan(world);
    expect(isLocked(memory)).toBe(true);
  });

  test('wakes the reaper first where its rebuild has no end', async () => {
    const { world, memory } = await twoStreams();
    await world.cascades.beginPlanning('me', { nowEpochMs: world.clock(), untilEpochMs: world.clock() + 1 });
    const earlier = cascadeOf('earlier-g1', { state: 'incomplete' });
    await world.cascades.write('me', earlier, [nodeOf('earlier-g1', STREAM, { state: 'failed', rebuildId: 'r1' })]);
    await world.cascades.changeCascade('earlier-g1', (before) => ({ ...before, state: 'incomplete' }));
    await world.cascades.endPlanning('me');
    corrupt(memory, key, { executionArn: 7 });
    await plan(world);
    expect(isLocked(memory)).toBe(true);
    expect(world.ends.take()).toContain(JSON.stringify({ kind: 'ended', cascadeId: 'earlier-g1' }));
  });

  test('is left to a person where the rebuild cannot be read either', async () => {
    const { world, memory } = await twoStreams();
    corrupt(memory, key, { executionArn: 7 });
    corrupt(memory, keys.rebuild(STREAM, 'r1'), { pipeline: 'web' });
    await plan(world);
    await plan(world);
    expect(isLocked(memory)).toBe(true);
    expect(await world.locks.clearUnreadable(STREAM)).toBe(true);
    expect(await world.locks.clearUnreadable(STREAM)).toBe(false);
    expect(isLocked(memory)).toBe(false);
  });

  test('is deleted only as it was read, and never one that can be read', async () => {
    const { world } = await twoStreams();
    expect(await world.locks.clearUnreadable(STREAM)).toBe(false);
    expect(await world.locks.get(STREAM)).toBeDefined();
  });
});

test('an unreadable kill switch stops everything', async () => {
  const { world, memory } = await twoStreams();
  await world.killSwitch.set({ rebuilding: 'active', by: 'jo', atEpochMs: 1, reason: 'all is well' });
  corrupt(memory, keys.killSwitch, { rebuilding: 0 });
  expect(await plan(world)).toMatchObject({ streams: 0 });
  expect((await causeOf(world, 0)).answer).toMatchObject({ reason: 'paused' });
});

describe('a cascade that cannot be read', () => {
  const cascadeId = 'earlier-g1';
  const earlier = {
    cascadeId,
    policyVersion: 'v1',
    plannedAtEpochMs: 1,
    deadlineEpochMs: 2,
    state: 'open',
    streams: 1,
  };

  test('keeps the causes that it took, and the others are planned', async () => {
    const { world, memory } = await twoStreams();
    await world.causes.change(STREAM, (cause) => cause && { ...cause, state: 'taken', takenBy: { cascadeId } });
    const key = keys.cascade(cascadeId);
    memory.items.set(`${key.PK} ${key.SK}`, { ...key, kind: 'cascade', ...earlier, streams: '1' });
    await plan(world);
    expect(await planned(world)).toEqual([streamOf(0)]);
    expect((await causeOf(world, 1)).state).toBe('taken');
  });

  test('blocks its stream, and the others are planned', async () => {
    const { world, memory } = await twoStreams();
    const key = keys.cascade(cascadeId);
    memory.items.set(`${key.PK} ${key.SK}`, { ...key, kind: 'cascade', ...earlier, state: 7 });
    await plan(world);
    expect(await planned(world)).toContain(streamOf(0));
    expect(world.unreadable.items().map(({ item }) => item)).toEqual([`${key.PK} / ${key.SK}`]);
  });
});
