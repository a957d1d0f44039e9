import { buildFleetImages } from '../../../local/fleet/build.ts';
import { generateDifficultFleet } from '../../../local/fleet/difficult.ts';
import { inParallel } from '../../../local/fleet/parallel.ts';
import { batchesOf, replay } from '../../../local/fleet/timeline.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');

test('a fleet at one instant is the same bytes each time; at another instant its own dates move', () => {
  const { images } = generateDifficultFleet(5);
  const heads = (now: number) => [...buildFleetImages(images, now).values()].map(({ head }) => head.digest);
  expect(heads(NOW)).toEqual(heads(NOW));
  expect(heads(NOW)).not.toEqual(heads(NOW + 86_400_000));
});

test('no two images of a fleet are one by chance', () => {
  for (let seed = 0; seed < 20; seed += 1) {
    const { images } = generateDifficultFleet(seed);
    const heads = [...buildFleetImages(images, NOW).values()]
      .filter(({ image }) => image.index !== 'empty')
      .map(({ head }) => head.digest);
    expect(new Set(heads).size).toBe(heads.length);
  }
});

const nothing = async () => {};
const put = (daysAgo: number, movesTag: string, run = nothing) => ({ daysAgo, movesTag, run });
const start = (daysAgo: number, run = nothing) => ({ daysAgo, run });

test.each([
  ['tags that differ go together', [put(3, 'a'), put(2, 'b'), put(1, 'c')], [3]],
  ['a tag that moves waits for its former push', [put(3, 'a'), put(2, 'b'), put(1, 'a')], [2, 1]],
  ['starts between pushes wait for them', [put(3, 'a'), start(2), start(1.5), put(1, 'b')], [1, 2, 1]],
  ['a push comes before a start of the same instant', [start(1), put(1, 'a')], [1, 1]],
  ['nothing is no batch', [], []],
])('%s', (_name, happenings, sizes) => {
  expect(batchesOf(happenings).map((batch) => batch.length)).toEqual(sizes);
});

test('past events are replayed oldest first', async () => {
  const order: string[] = [];
  const note = (text: string) => async () => {
    order.push(text);
  };
  await replay([start(0.5, note('start')), put(0, 'a', note('moved')), put(9, 'a', note('pushed'))], 4);
  expect(order).toEqual(['pushed', 'start', 'moved']);
});

test('parallel work keeps the order of its results and the limit', async () => {
  let running = 0;
  let most = 0;
  const results = await inParallel(3, [1, 2, 3, 4, 5, 6, 7], async (n) => {
    running += 1;
    most = Math.max(most, running);
    await new Promise((resolve) => setImmediate(resolve));
    running -= 1;
    return n * 2;
  });
  expect(results).toEqual([2, 4, 6, 8, 10, 12, 14]);
  expect(most).toBe(3);
});

test('after the first failure of parallel work nothing more starts, and the failure is thrown', async () => {
  const started: number[] = [];
  const work = inParallel(1, [1, 2, 3], async (n) => {
    started.push(n);
    if (n === 2) throw new Error('second');
  });
  await expect(work).rejects.toThrow('second');
  expect(started).toEqual([1, 2]);
});
