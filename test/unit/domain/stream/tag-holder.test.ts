import type { Digest } from '../../../../shared/domain/image/image.ts';
import {
  holderAfter,
  holderWithout,
  means,
  presentNames,
  presentTags,
  type TagHolder,
} from '../../../../shared/domain/stream/tag-holder.ts';
import { fc } from '../../../support/seeded.ts';
import { digestOf, LOCATION } from '../arbitraries.ts';

const [OLD, NEW] = [digestOf('old'), digestOf('new')];
const held = (digest: Digest, pushedAtEpochMs: number, goneAtEpochMs?: number): TagHolder => ({
  ...{ digest, pushedAtEpochMs },
  ...(goneAtEpochMs !== undefined && { goneAtEpochMs }),
});

test('the last push of a tag counts, in any order and number of sightings', () => {
  const pushes = fc.array(
    fc.record({ digest: fc.constantFrom(OLD, NEW, digestOf('other')), pushedAtEpochMs: fc.nat({ max: 5 }) }),
    { minLength: 1, maxLength: 8 },
  );
  const after = (all: readonly { digest: Digest; pushedAtEpochMs: number }[]) => {
    let holder: TagHolder | undefined;
    for (const push of all) holder = holderAfter(holder, push) ?? holder;
    return holder;
  };
  fc.assert(
    fc.property(pushes, (all) => {
      const last = Math.max(...all.map(({ pushedAtEpochMs }) => pushedAtEpochMs));
      expect(after(all)?.pushedAtEpochMs).toBe(last);
      expect(after([...all].reverse())).toEqual(after(all));
      expect(after([...all, ...all])).toEqual(after(all));
    }),
  );
});

test.each<[string, TagHolder | undefined, number, TagHolder | undefined]>([
  ['of an unknown tag: the push of the image', undefined, 50, held(OLD, 5)],
  ['of a tag that came back to an old image: from the listing on', held(NEW, 20), 50, held(OLD, 50)],
  ['that began before the last push: that stays', held(NEW, 60), 50, undefined],
  ['of what is known', held(OLD, 5), 50, undefined],
  ['of what was gone', held(OLD, 5, 30), 50, held(OLD, 50)],
  ['of what was gone from another image', held(NEW, 20, 60), 50, held(OLD, 50)],
  ['that began before it was gone', held(OLD, 5, 60), 50, undefined],
])('a listing %s', (_, before, listedAtEpochMs, expected) => {
  expect(holderAfter(before, { digest: OLD, pushedAtEpochMs: 5, listedAtEpochMs })).toEqual(expected);
});

test('a push that a listing saw on only one of two images counts, in any order of writes', () => {
  const gone = holderWithout(held(OLD, 5), OLD, 50);
  expect(holderAfter(gone, { digest: NEW, pushedAtEpochMs: 40, listedAtEpochMs: 50 })).toEqual(held(NEW, 40));
  expect(holderWithout(held(NEW, 40), OLD, 50)).toBeUndefined();
});

test('a tag missing in a listing names no image until its next push', () => {
  const gone = holderWithout(held(OLD, 5), OLD, 50);
  expect([means(held(OLD, 5), OLD), means(gone, OLD)]).toEqual([true, false]);
  expect(means(holderAfter(gone, { digest: OLD, pushedAtEpochMs: 60 }), OLD)).toBe(true);
  expect(holderWithout(held(NEW, 5), OLD, 50)).toBeUndefined();
  expect(holderWithout(held(OLD, 60), OLD, 50)).toBeUndefined();
  expect(holderWithout(undefined, OLD, 50)).toBeUndefined();
});

test('an image has the tags and names that are valid now, and those without a known push', () => {
  const record = { digest: OLD, location: LOCATION, tags: ['22', '22.1'], askedTags: ['22', 'asked'] };
  const holders = new Map([
    ['22', held(NEW, 9)],
    ['22.1', held(OLD, 5)],
  ]);
  expect(presentTags(record, holders)).toEqual(['22.1', 'asked']);
  const place = '111122223333.dkr.ecr.us-east-1.amazonaws.com/apps/web';
  expect(presentNames(record, (tag) => holders.get(tag))).toEqual([`${place}:22.1`, `${place}:asked`]);
});
