import { type ImageInUse, stillWitnessed, WITNESS_LAG_MS } from '../../../../shared/domain/scan/witness.ts';
import { fc } from '../../../support/seeded.ts';
import { DAY, digestOf, HOUR, NOW } from '../arbitraries.ts';

const SINCE = NOW - 3 * DAY;
const image: ImageInUse = {
  ...{ repository: '111122223333/eu-west-1/apps/web', digest: digestOf('old') },
  ...{ count: 2, lastAtEpochMs: NOW - HOUR },
};

test.each<[string, Partial<ImageInUse>, boolean]>([
  ['in use an hour ago', {}, true],
  ['in use now, by a clock that is some seconds ahead', { lastAtEpochMs: NOW + 5000 }, true],
  ['in use no more', { count: 0 }, false],
  ['in use exactly 24 hours after the rollout', { lastAtEpochMs: SINCE + DAY }, false],
  ['in use a moment later', { lastAtEpochMs: SINCE + DAY + 1 }, true],
  ['in use before the rollout ended', { lastAtEpochMs: SINCE - 1 }, false],
  ['in use tomorrow', { lastAtEpochMs: NOW + DAY }, false],
])('%s: it still contradicts is %s', (_, changes, isWitnessed) => {
  const one = { ...image, ...changes };
  expect(stillWitnessed([one], SINCE, NOW)).toEqual(isWitnessed ? [one] : []);
});

test('each place counts once, by its latest use, in an order that does not depend on the rows', () => {
  const anyImage = fc.record({
    repository: fc.constantFrom('a/b/web', 'a/b/shop'),
    digest: fc.constantFrom(digestOf('one'), digestOf('two')),
    count: fc.integer({ min: 0, max: 2 }),
    lastAtEpochMs: fc.integer({ min: SINCE - DAY, max: NOW + DAY }),
  });
  fc.assert(
    fc.property(fc.array(anyImage, { maxLength: 8 }), (images) => {
      const found = stillWitnessed(images, SINCE, NOW);
      expect(stillWitnessed(images.toReversed(), SINCE, NOW)).toEqual(found);
      const places = found.map(({ repository, digest }) => `${repository}@${digest}`);
      expect(new Set(places).size).toBe(places.length);
      for (const one of found) {
        expect(images).toContainEqual(one);
        expect(one.count).toBeGreaterThan(0);
        expect(one.lastAtEpochMs).toBeGreaterThan(SINCE + WITNESS_LAG_MS);
      }
      const isLater = (one: ImageInUse) =>
        one.count > 0 && one.lastAtEpochMs > SINCE + DAY && one.lastAtEpochMs <= NOW + 60_000;
      const expected = images.filter(isLater).map(({ repository, digest }) => `${repository}@${digest}`);
      expect(new Set(places)).toEqual(new Set(expected));
    }),
  );
});
