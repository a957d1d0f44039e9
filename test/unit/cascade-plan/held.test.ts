import type { CascadeNode } from '../../../shared/domain/cause/cascade.ts';
import type { Rebuild } from '../../../shared/domain/cause/rebuild.ts';
import { readImages } from '../../../shared/planning/read-images.ts';
import { START_EPOCH_MS } from '../../support/fakes/world.ts';
import { lock, rebuild } from '../../support/rebuild-samples.ts';
import { digestOf } from '../../support/samples.ts';
import {
  causeOf,
  fact,
  HOUR_MS,
  judge,
  lastStarted,
  type PlanWorld,
  pipelineOf,
  planWorld,
  pushed,
  reasonOf,
  STREAM,
  tell,
  urgentFact,
  violating,
  wakeUp,
} from './support.ts';

const answerOf = async (world: PlanWorld) => (await causeOf(world)).answer?.reason;

describe('lock left by an earlier cascade', () => {
  /** Its cascade is gone from the list of open ones. */
  async function lockedWorld(changes: Partial<Rebuild> | undefined, state: 'running' | 'failed'): Promise<PlanWorld> {
    const world = await planWorld();
    await violating(world);
    const { executionArn } = await world.executions.start('earlier-g1');
    if (state === 'failed') world.executions.end('earlier-g1', state);
    const deadlineEpochMs = START_EPOCH_MS + HOUR_MS;
    const own = { stream: STREAM, cascadeId: 'earlier-g1', deadlineEpochMs };
    await world.locks.take(lock('r1', { ...own, executionArn }));
    if (changes)
      await world.rebuilds.record(STREAM, 'r1', () => rebuild('r1', { ...own, pipeline: pipelineOf(), ...changes }));
    return world;
  }
  const begun = { startingAtEpochMs: START_EPOCH_MS, executionId: 'e1' };

  test.each<[string, Partial<Rebuild> | undefined, 'running' | 'failed', string | undefined]>([
    ['by a running execution', { ...begun, build: { state: 'succeeded' } }, 'running', 'already-open'],
    ['for a build that may still run', { ...begun, build: { state: 'running' } }, 'failed', 'already-open'],
    ['for a start that was not confirmed', { startingAtEpochMs: START_EPOCH_MS }, 'failed', 'already-open'],
    ['for a person to approve', { ...begun, build: { state: 'waiting-approval' } }, 'failed', 'waiting-approval'],
    ['for a build that has ended', { ...begun, build: { state: 'failed' } }, 'failed', undefined],
    ['for a build that was never asked for', {}, 'failed', undefined],
    ['without a rebuild', undefined, 'failed', undefined],
  ])('%s', async (_, changes, state, reason) => {
    const world = await lockedWorld(changes, state);
    await wakeUp(world);
    expect(await answerOf(world)).toBe(reason);
    expect((await causeOf(world)).state).toBe(reason === undefined ? 'taken' : 'open');
  });

  test('past the deadline of its build it blocks no stream', async () => {
    const world = await lockedWorld({ ...begun, build: { state: 'running' } }, 'failed');
    world.advance(2 * HOUR_MS);
    await wakeUp(world);
    expect((await causeOf(world)).state).toBe('taken');
  });
});

describe('stream of a running cascade', () => {
  async function reopened(end: Partial<CascadeNode>): Promise<PlanWorld> {
    const world = await planWorld();
    const head = await violating(world);
    await wakeUp(world);
    const [first = ''] = world.executions.started;
    await world.cascades.changeNode(first, STREAM, (node) => ({ ...node, ...end }));
    await judge(world, head, [reasonOf(fact()), reasonOf(urgentFact)]);
    await tell(world, 0, urgentFact);
    await wakeUp(world);
    return world;
  }

  test.each<[string, Partial<CascadeNode>]>([
    ['it is being built', { state: 'building' }],
    ['it is verified, and its rollout is to come', { state: 'verified', output: digestOf('output') }],
  ])('waits for its end where %s', async (_, end) => {
    const world = await reopened(end);
    expect(await answerOf(world)).toBe('already-open');
    expect(world.executions.started).toHaveLength(1);
  });

  test('is planned again after its node failed, while other nodes of the cascade continue', async () => {
    const world = await reopened({ state: 'failed' });
    expect(world.executions.started).toHaveLength(2);
  });
});

test('an image moved to another stream by the policy no longer counts for the old one', async () => {
  const world = await planWorld();
  const old = await violating(world);
  await pushed(world, 0, 'newer', { tags: ['v2'], reasons: [], pushedAtEpochMs: START_EPOCH_MS - HOUR_MS });
  const cause = await causeOf(world);
  expect((await readImages(world, cause)).inUse).toMatchObject([{ digest: old }]);
  const [record] = [...(await world.images.get([old])).values()];
  if (!record) throw new Error('the test recorded no image');
  await world.images.recordProperties({ ...record, stream: 'another' });
  expect((await readImages(world, cause)).inUse).toEqual([]);
});

test('a stream waiting for its turn is in no cascade', async () => {
  const world = await planWorld({ caps: { ramp: 1 } });
  await violating(world, 0);
  await violating(world, 1, fact({ sinceEpochMs: START_EPOCH_MS }));
  await wakeUp(world);
  expect((await lastStarted(world)).cascade.streams).toBe(1);
});
