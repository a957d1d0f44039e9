import { jest } from '@jest/globals';
import { collect } from '../../../shared/concurrency.ts';
import { MINUTE_MS } from '../../../shared/domain/common/time.ts';
import { IMAGES_A_PIECE } from '../../../shared/inventory/artifacts.ts';
import { CrashError, crashAt } from '../../support/fakes/interleave.ts';
import { HOUR_MS, digestOf as named } from '../../support/samples.ts';
import { fc } from '../../support/seeded.ts';
import {
  attempt,
  dump,
  expectWhole,
  headOf,
  imageNamed,
  type LongWorld,
  longWorld,
  push,
  readAsTheMachine,
  TIMEOUT_MS,
} from './long-world.ts';
import { debian, hub, keys, RUN } from './support.ts';

/* A registry takes longer to be read than an invocation may last, or the invocation dies while it reads. */

/** As the state machine goes on. @returns how many attempts it took */
async function untilDone(set: LongWorld, timeMs: () => number): Promise<number> {
  for (let attempts = 1; attempts <= 100; attempts += 1) {
    const { status } = await attempt(set, { timeMs: timeMs() });
    if (status !== 'unfinished') return attempts;
  }
  throw new Error('100 attempts did not suffice');
}

/** The slow tier reads 60,000 at 160 ms. */
test('3,000 manifests that take as long as 60,000 are recorded whole, each config downloaded once', async () => {
  const images = 3000;
  const set = await longWorld(images);
  const { statuses, longestMs } = await readAsTheMachine(set, 160 * 20);
  expect(statuses).toEqual(['unfinished', 'complete']);
  expect(longestMs).toBeLessThan(TIMEOUT_MS - MINUTE_MS);
  await expectWhole(set, images);
});

test('an attempt that stops in time causes no second download, and several attempts give the result of one', async () => {
  const images = 250;
  const whole = await longWorld(images);
  await attempt(whole);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 150 }), { minLength: 1, maxLength: 8 }), async (times) => {
      const set = await longWorld(images);
      set.latency.configMs = 1;
      await untilDone(set, () => times.shift() ?? 200);
      expect(set.downloads.size).toBe(images);
      expect(Math.max(...set.downloads.values())).toBe(1);
      expect(set.world.registry.asked.size).toBe(images);
      expect(dump(set)).toEqual(dump(whole));
    }),
    { numRuns: 8 },
  );
});

test('an attempt that is killed at any call costs the downloads of one piece at most', async () => {
  const images = 250;
  const counting = crashAt(Number.POSITIVE_INFINITY);
  const whole = await longWorld(images);
  await attempt(whole, { turns: counting });
  expect(counting.steps).toEqual(expect.arrayContaining(['registry.images', 'registry.config', 'runs.recordPart']));
  const step = fc.integer({ min: 0, max: counting.steps.length - 1 });
  await fc.assert(
    fc.asyncProperty(step, fc.constantFrom('before' as const, 'after' as const), async (at, side) => {
      const set = await longWorld(images);
      await expect(attempt(set, { turns: crashAt(at, side) })).rejects.toThrow(CrashError);
      await attempt(set);
      expect([...set.downloads.values()].filter((times) => times > 1).length).toBeLessThanOrEqual(IMAGES_A_PIECE);
      expect(dump(set)).toEqual(dump(whole));
      expect(await set.parts()).toEqual(await whole.parts());
    }),
    { numRuns: 12 },
  );
});

test('a completely read repository is not listed again by the next attempt', async () => {
  const streams = ['base/alpine', 'base/debian'].map((repository) => ({
    ...{
      id: repository.replace('/', '-'),
      tier: 'base' as const,
      account: hub.account,
      regions: [hub.region],
      owner: 'platform',
    },
    ...{ repositories: [repository], headTags: ['^12$'] },
  }));
  const set = await longWorld(150, { ...hub, repository: 'base/alpine' }, { streams });
  push(set, 1000);
  const listed = jest.spyOn(set.world.registry, 'images');
  set.latency.configMs = 1;

  expect(await attempt(set, { timeMs: 100 })).toMatchObject({ status: 'unfinished' });
  expect(await set.parts()).toEqual([]);
  expect(await attempt(set, { timeMs: 100 })).toMatchObject({ status: 'complete', images: 151, missing: 0 });

  const names = listed.mock.calls.map(([{ repository }]) => repository);
  expect(names.filter((name) => name === 'base/debian')).toHaveLength(1);
  expect(names.filter((name) => name === 'base/alpine')).toHaveLength(2);
  expect(await set.parts()).toMatchObject([{ status: 'complete', images: 151, unread: [] }]);
});

test('an image that is deleted between two attempts is not missing, and one that is pushed is read', async () => {
  const set = await longWorld(200);
  set.latency.configMs = 1;
  expect(await attempt(set, { timeMs: 50 })).toMatchObject({ status: 'unfinished' });
  // The oldest ones are read last.
  set.world.registry.delete(debian, imageNamed(0));
  push(set, 200, { isHead: true });

  expect(await attempt(set, { timeMs: 500 })).toEqual({ status: 'complete', images: 200, missing: 0 });

  expect(set.world.images.records.has(imageNamed(0))).toBe(false);
  expect(await headOf(set)).toEqual({ images: { 'linux/amd64': imageNamed(200) } });
});

test('a read counts from its first attempt: later pushes may be unread', async () => {
  const set = await longWorld(200);
  set.latency.configMs = 1;
  const beganAtEpochMs = set.world.clock();
  await untilDone(set, () => 60);
  expect(await set.parts()).toMatchObject([{ beganAtEpochMs }]);
});

test('after two hours a repository counts as unread, has no new head, and the next review goes on', async () => {
  const set = await longWorld(400);
  set.latency.configMs = MINUTE_MS;
  const attempts = await untilDone(set, () => HOUR_MS);
  expect(attempts).toBe(2);
  expect(await set.parts()).toMatchObject([
    { status: 'failed', images: 400, missing: 272, unread: ['base/debian'], detail: expect.stringContaining('272') },
  ]);
  expect(await headOf(set)).toBeUndefined();
  // The newest are known first.
  expect(set.world.images.records.has(imageNamed(399))).toBe(true);
  expect(set.world.images.records.has(imageNamed(0))).toBe(false);

  await set.world.runFiles.put(keys.registry(hub).replace(RUN, 'run-2'), { registry: hub, digests: {}, tags: {} });
  set.latency.configMs = 1;
  expect(await attempt(set, { timeMs: HOUR_MS, runId: 'run-2' })).toEqual({
    status: 'complete',
    images: 400,
    missing: 0,
  });
  expect(Math.max(...set.downloads.values())).toBe(1);
  expect(await collect(set.world.runs.parts('run-2'))).toMatchObject([{ status: 'complete', unread: [] }]);
});

test('a failed repository keeps the results of the others for the next attempt', async () => {
  const set = await longWorld(120);
  const listed = jest.spyOn(set.world.registry, 'images');
  const other = { ...hub, repository: 'team/web' };
  const running = { [named('gone')]: ['1'] };
  const asked = { registry: hub, digests: { [other.repository]: running }, tags: {} };
  await set.world.runFiles.put(keys.registry(hub), asked);
  const manifests = set.world.registry.manifests.bind(set.world.registry);
  set.world.registry.manifests = async (location, digests) => {
    if (location.repository === other.repository) throw new Error('internal');
    return manifests(location, digests);
  };
  await expect(attempt(set)).rejects.toThrow('internal');
  expect(await set.parts()).toMatchObject([{ status: 'failed' }]);
  set.world.registry.manifests = manifests;
  expect(await attempt(set)).toEqual({ status: 'complete', images: 121, missing: 1 });
  expect(listed).toHaveBeenCalledTimes(1);
});
