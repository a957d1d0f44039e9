import {
  allowedImagesOf,
  excessOf,
  isNewerList,
  type ListSource,
  listedDigests,
  MOST_DIGESTS,
  MOST_LIST_BYTES,
  MOST_NAMESPACES,
  MOST_RUNNING,
  shardSet,
  shardsFor,
} from '../../../../shared/domain/admission/allowed-images.ts';
import type { Digest } from '../../../../shared/domain/image/image.ts';
import { HOUR_MS, NOON_EPOCH_MS } from '../../../support/samples.ts';
import { fc, SEED } from '../../../support/seeded.ts';

const NOW = NOON_EPOCH_MS;
const digestAt = (at: number, letter = ''): Digest =>
  `sha256:${letter}${at.toString(16).padStart(64 - letter.length, '0')}`;
const namesOf = (present: readonly string[]) => shardsFor(present).map(({ name }) => name);
const ALL = ['all'];
const SIXTEEN = shardSet(16).map(({ name }) => name);

describe('the lists of a cluster', () => {
  test.each([
    ['the one that it has', ['all'], ALL],
    ['each of a set of which it has one', ['digests-7'], SIXTEEN],
    ['both sets', ['digests-0', 'all'], [...ALL, ...SIXTEEN]],
    ['both sets if it has none of them', ['mine', 'digests-g'], [...ALL, ...SIXTEEN]],
    ['both sets if it has none', [], [...ALL, ...SIXTEEN]],
  ])('are %s', (_, present, expected) => {
    expect(namesOf(present)).toEqual(expected);
  });

  test('are spare only where nothing says which of them a door uses', () => {
    expect(shardsFor([]).every(({ isSpare }) => isSpare)).toBe(true);
    expect(shardsFor(['all', 'digests-1']).some(({ isSpare }) => isSpare)).toBe(false);
  });
});

const sourceOf = ({
  allowed = new Set(),
  ...changes
}: Partial<ListSource> & { readonly allowed?: ReadonlySet<Digest> }): ListSource => ({
  ...{ digestsOf: listedDigests(allowed), graced: new Map(), policyVersion: 'v' },
  ...{ readAtEpochMs: NOW, notAfterEpochMs: NOW + 24 * HOUR_MS },
  ...changes,
});
const graceUntil = (untilEpochMs: number) => ({ untilEpochMs, ruleId: 'age-limit' });
const [whole] = shardSet(1);
if (!whole) throw new Error('there is no list of all');

describe('a list', () => {
  test('has what may start, where what violates runs, and its instants', () => {
    const source = sourceOf({
      allowed: new Set([digestAt(2), digestAt(1)]),
      graced: new Map([
        [digestAt(3), graceUntil(NOW + HOUR_MS)],
        [digestAt(4), graceUntil(NOW + HOUR_MS)],
      ]),
    });
    expect(allowedImagesOf(source, whole, new Map([[digestAt(3), ['pay', 'shop']]]))).toEqual({
      notAfter: '2026-11-25T03:00:00.000Z',
      readAt: '2026-11-24T03:00:00.000Z',
      policyVersion: 'v',
      digests: { [digestAt(1).slice(7)]: '', [digestAt(2).slice(7)]: '' },
      running: {
        [digestAt(3).slice(7)]: { namespaces: ['pay', 'shop'], until: '2026-11-24T04:00:00.000Z', rule: 'age-limit' },
      },
    });
  });

  test('has no image whose grace is over, and none that runs in another cluster alone', () => {
    const graced = new Map([
      [digestAt(1), graceUntil(NOW)],
      [digestAt(2), graceUntil(NOW + 1)],
      [digestAt(3), graceUntil(NOW + 1)],
    ]);
    const running = new Map([
      [digestAt(1), ['shop']],
      [digestAt(2), ['shop']],
      [digestAt(3), []],
    ]);
    expect(Object.keys(allowedImagesOf(sourceOf({ graced }), whole, running).running)).toEqual([digestAt(2).slice(7)]);
  });

  test('of a letter has its images, and together the 16 have each image once', () => {
    const digest = fc
      .array(fc.nat(15), { minLength: 64, maxLength: 64 })
      .map((numbers): Digest => `sha256:${numbers.map((one) => one.toString(16)).join('')}`);
    fc.assert(
      fc.property(
        fc.uniqueArray(digest, { maxLength: 40 }),
        fc.uniqueArray(digest, { maxLength: 10 }),
        (some, others) => {
          const allowed = new Set(some);
          const graced = new Map(others.filter((one) => !allowed.has(one)).map((one) => [one, graceUntil(NOW + 1)]));
          const running = new Map([...graced.keys()].map((one) => [one, ['shop']]));
          const lists = shardSet(16).map((shard) => ({
            ...{ shard, list: allowedImagesOf(sourceOf({ allowed, graced }), shard, running) },
          }));
          for (const { shard, list } of lists)
            for (const key of [...Object.keys(list.digests), ...Object.keys(list.running)])
              expect(key.startsWith(shard.prefix)).toBe(true);
          const one = allowedImagesOf(sourceOf({ allowed, graced }), whole, running);
          for (const part of ['digests', 'running'] as const) {
            const together = lists.flatMap(({ list }) => Object.entries(list[part]));
            expect(together.sort()).toEqual(Object.entries(one[part]).sort());
          }
        },
      ),
      { seed: SEED, numRuns: 50 },
    );
  });
});

describe('a list that does not fit', () => {
  const digests = (count: number) => new Set(Array.from({ length: count }, (_, at) => digestAt(at)));
  const runningList = (images: number, namespaces: readonly string[]) => {
    const keys = [...digests(images)];
    const graced = new Map(keys.map((one) => [one, graceUntil(NOW + 1)]));
    return allowedImagesOf(sourceOf({ graced }), whole, new Map(keys.map((one) => [one, namespaces])));
  };
  const named = (count: number) => Array.from({ length: count }, (_, at) => `n-${at}`);

  test.each([
    [MOST_DIGESTS, undefined],
    [MOST_DIGESTS + 1, `it would have ${MOST_DIGESTS + 1} images, and holds ${MOST_DIGESTS}`],
  ])('of %i images', (count, expected) => {
    expect(excessOf(allowedImagesOf(sourceOf({ allowed: digests(count) }), whole, new Map()))).toBe(expected);
  });

  test.each([
    [MOST_RUNNING, 1, undefined],
    [MOST_RUNNING + 1, 1, expect.stringContaining(`${MOST_RUNNING + 1} images that violate a rule`)],
    [1, MOST_NAMESPACES, undefined],
    [1, MOST_NAMESPACES + 1, expect.stringContaining(`runs in ${MOST_NAMESPACES + 1} namespaces`)],
    [500, 500, expect.stringContaining(`bytes, and holds ${MOST_LIST_BYTES}`)],
  ])('of %i images that run in %i namespaces', (images, namespaces, expected) => {
    expect(excessOf(runningList(images, named(namespaces)))).toEqual(expected);
  });

  test('counts the bytes of digests and of running images together', () => {
    const { digests: listed } = allowedImagesOf(sourceOf({ allowed: digests(MOST_DIGESTS) }), whole, new Map());
    const { running, ...rest } = runningList(300, named(50));
    expect(excessOf({ ...rest, digests: listed, running: {} })).toBeUndefined();
    expect(excessOf({ ...rest, digests: {}, running })).toBeUndefined();
    expect(excessOf({ ...rest, digests: listed, running })).toContain(`bytes, and holds ${MOST_LIST_BYTES}`);
  });
});

test.each([
  ['a later reading', NOW + 1000, true],
  ['the same reading', NOW, false],
  ['an earlier reading', NOW - 1000, false],
  ['a reading by a clock that is a little ahead', NOW + 4 * 60_000, true],
  ['a future that no reading has', NOW + 3_600_000, false],
])('a list of %s keeps another one from replacing it: %s', (_, readAtEpochMs, isNewer) => {
  expect(isNewerList(new Date(readAtEpochMs).toISOString(), NOW, NOW)).toBe(isNewer);
});

test.each([undefined, '', 'soon', '9999'])('a list of %j is of no reading', (readAt) => {
  expect(isNewerList(readAt, NOW, NOW)).toBe(false);
});
