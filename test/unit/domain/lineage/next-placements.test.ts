import { nextPlacements, type PlacementCursor } from '../../../../shared/domain/lineage/next-placements.ts';
import { digestOf } from '../arbitraries.ts';

const some = (count: number, kind: string) => Array.from({ length: count }, (_, n) => digestOf(`${kind} ${n}`)).sort();

/** What has its turn in so many reviews, one after the other, while nothing of it can be placed. */
function placements(reviews: number, waiting: Parameters<typeof nextPlacements>[0], most: number) {
  let before: PlacementCursor = {};
  return Array.from({ length: reviews }, () => {
    const { digests, upTo } = nextPlacements(waiting, before, most);
    before = upTo;
    return digests;
  });
}

test('all that wait have their turn where they are few, heads first', () => {
  const [heads, others] = [some(3, 'head'), some(4, 'other')];
  expect(placements(2, { heads, others }, 100)).toEqual([
    [...heads, ...others],
    [...heads, ...others],
  ]);
});

test('each has its turn within as many reviews as all of them take', () => {
  const [heads, others] = [some(7, 'head'), some(250, 'other')];
  const reviews = placements(3, { heads, others }, 100);
  for (const digests of reviews) expect(digests.slice(0, 7)).toEqual(expect.arrayContaining(heads));
  for (const digests of reviews) expect(digests).toHaveLength(100);
  expect(new Set(reviews.flat())).toEqual(new Set([...heads, ...others]));
});

test('a quarter of the places is for other images, with any number of waiting heads', () => {
  const [heads, others] = [some(300, 'head'), some(50, 'other')];
  const reviews = placements(4, { heads, others }, 100);
  expect(reviews.map((digests) => digests.filter((digest) => others.includes(digest)).length)).toEqual([
    25, 25, 25, 25,
  ]);
  expect(new Set(reviews.flat())).toEqual(new Set([...heads, ...others]));
  expect(new Set(reviews.slice(0, 2).flat()).size).toBe(200);
});

test('who comes or goes meanwhile takes no turn from the others', () => {
  const others = some(30, 'other');
  const first = nextPlacements({ heads: [], others }, {}, 10);
  const left = others.filter((digest) => digest !== first.upTo.other);
  const second = nextPlacements({ heads: [], others: left }, first.upTo, 10);
  expect(second.digests).toEqual(others.slice(10, 20));
  expect(nextPlacements({ heads: [], others: [] }, second.upTo, 10)).toEqual({ digests: [], upTo: second.upTo });
});
