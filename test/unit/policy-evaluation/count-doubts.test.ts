import { jest } from '@jest/globals';
import { type PolicyEvaluationServices, route } from '../../../functions/policy-evaluation/route.ts';
import { metrics } from '../../../shared/lambda/metrics.ts';
import { logger } from '../../../shared/lambda/powertools.ts';
import { inGoodStanding } from '../../support/fakes/running.ts';
import { START_EPOCH_MS } from '../../support/fakes/world.ts';
import { previewOf } from '../../support/preview.ts';
import { ask, batchOf, DAY_MS, digestOf, HOUR_MS, policyDocument, runs, type World, worldWith } from './support.ts';

const image = digestOf(1);
const PLACE = { account: '111122223333', region: 'us-east-1', cluster: 'main', namespace: 'shop' };

let counted: jest.SpiedFunction<typeof metrics.addMetric>;
let warned: jest.SpiedFunction<typeof logger.warn>;
beforeEach(() => {
  counted = jest.spyOn(metrics, 'addMetric').mockReturnThis();
  warned = jest.spyOn(logger, 'warn').mockReturnValue(undefined);
  jest.spyOn(logger, 'info').mockReturnValue(undefined);
});
afterEach(() => jest.restoreAllMocks());

const doubted = () => counted.mock.calls.flatMap(([name, , value]) => (name === 'ImagesDoubted' ? value : []));

const services = (world: World): PolicyEvaluationServices => ({
  enterRun: () => undefined,
  world: { ...world, ...world.ports, policies: world.policies },
  ledgers: ({ runId, mode }) => (mode === 'preview' ? previewOf(world, world.runFiles, runId) : world),
});

/** A clean image with a scan result of two days ago, which counts no more, and that runs behind a door. @param mode of the door */
async function cleanImage(mode: 'deny' | 'warn' | 'off' = 'deny') {
  const world = await worldWith({ ...policyDocument, doors: { mode } });
  await runs(world, image, { owner: 'shop-team' });
  await world.running.record(inGoodStanding([{ digest: image, place: PLACE }], START_EPOCH_MS));
  world.scanner.finds(image, []);
  await ask(world, image);
  await review(world);
  expect(world.images.records.get(image)?.verdict?.status).toBe('compliant');
  world.advance(2 * DAY_MS + 60_000);
  return world;
}

const review = (world: World, changes: Partial<Parameters<typeof batchOf>[2]> = {}) =>
  route(batchOf(world, [image], { startedAtEpochMs: world.clock(), ...changes }), services(world));

test('a review that gets no scan any more rings at once, although nothing restarts', async () => {
  const world = await cleanImage();
  expect(doubted()).toEqual([]);
  world.scanner.refuses(image, { state: 'failed', reason: 'unknown-status', detail: 'BLUE' });
  await review(world);
  expect(doubted()).toEqual([1]);
  expect(warned).toHaveBeenCalledWith(expect.stringContaining('doubt'), {
    count: 1,
    images: [
      {
        ...{ digest: image, owner: 'shop-team', place: '111122223333/us-east-1/main/shop', places: 1 },
        ...{ ruleId: 'scan-required', message: expect.stringContaining('may start here until') },
      },
    ],
  });
});

test('so does a scan event between reviews', async () => {
  const world = await cleanImage();
  world.scanner.refuses(image, { state: 'failed', reason: 'unknown-status', detail: 'BLUE' });
  const Records = [{ messageId: 'm1', body: JSON.stringify({ kind: 'judge', digest: image }) }];
  await route({ Records }, services(world));
  expect(doubted()).toEqual([1]);
});

test('it rings again with each review while the doubt lasts, and ends with a result', async () => {
  const world = await cleanImage();
  await review(world);
  world.advance(DAY_MS);
  await review(world);
  expect(doubted()).toEqual([1, 1]);
  world.advance(DAY_MS);
  await ask(world, image);
  await review(world);
  expect(world.images.records.get(image)?.verdict?.status).toBe('compliant');
  expect(doubted()).toEqual([1, 1]);
});

test.each([
  [24, []],
  [26, [1]],
])('a result of %d hours ago that the next review finds stale for long rings now: %j', async (hours, expected) => {
  const world = await cleanImage();
  world.advance(hours * HOUR_MS - 2 * DAY_MS);
  world.scanner.refuses(image, { state: 'failed', reason: 'unknown-status', detail: 'BLUE' });
  await review(world);
  expect(world.images.records.get(image)?.verdict?.status).toBe('compliant');
  expect(doubted()).toEqual(expected);
});

test.each<[string, (world: World) => unknown]>([
  ['an image that runs nowhere', (world) => world.running.record([ended(START_EPOCH_MS - 90 * DAY_MS)])],
  ['an image that began while something forbade it', (world) => world.running.record([ended(undefined, 'forbidden')])],
])('%s is not counted', async (_, change) => {
  const world = await cleanImage();
  await change(world);
  world.scanner.refuses(image, { state: 'failed', reason: 'unknown-status', detail: 'BLUE' });
  await review(world);
  expect(doubted()).toEqual([]);
});

test.each<[string, 'deny' | 'off', 'review' | 'preview']>([
  ['where no door judges', 'off', 'review'],
  ['in a preview', 'deny', 'preview'],
])('nothing is counted %s', async (_, mode, of) => {
  const world = await cleanImage(mode);
  world.scanner.refuses(image, { state: 'failed', reason: 'unknown-status', detail: 'BLUE' });
  await review(world, { mode: of });
  expect(doubted()).toEqual([]);
});

test('a doubt counts, too, if nothing says where the image runs; it is judged all the same', async () => {
  const world = await cleanImage();
  world.scanner.refuses(image, { state: 'failed', reason: 'unknown-status', detail: 'BLUE' });
  jest.spyOn(world.running, 'presencesOf').mockRejectedValue(new Error('throttled'));
  expect(await review(world)).toMatchObject({ outcomes: { unknown: 1, failed: 0 } });
  expect(doubted()).toEqual([1]);
});

test('so does an image whose result becomes stale because no review can read the scanner', async () => {
  const world = await cleanImage();
  jest.spyOn(world.scanner, 'read').mockRejectedValue(new Error('throttled'));
  expect(await review(world)).toMatchObject({ outcomes: { failed: 1 } });
  expect(doubted()).toEqual([1]);
});

const ended = (endedAtEpochMs: number | undefined, standing: 'good' | 'forbidden' = 'good') => ({
  ...{ digest: image, place: PLACE },
  presence: {
    beganAtEpochMs: START_EPOCH_MS - 99 * DAY_MS,
    standing,
    ...(endedAtEpochMs !== undefined && { endedAtEpochMs }),
  },
});
