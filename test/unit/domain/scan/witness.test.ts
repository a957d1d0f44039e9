import type { EndedUsage } from '../../../../shared/domain/image/usage.ts';
import {
  type ImageInUse,
  stillWitnessed,
  WITNESS_LAG_MS,
  withoutKnownUses,
} from '../../../../shared/domain/scan/witness.ts';
import { usage } from '../../../support/samples.ts';
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

test.each<[string, readonly Partial<EndedUsage>[], boolean]>([
  ['Patchwave never saw it run', [], true],
  ['Patchwave saw another image run until then', [{ digest: digestOf('other') }], true],
  ['Patchwave saw it run until then', [{}], false],
  ['Patchwave saw it run exactly 24 hours before', [{ endedAtEpochMs: NOW - HOUR - DAY }], false],
  ['Patchwave saw it run a moment longer before', [{ endedAtEpochMs: NOW - HOUR - DAY - 1 }], true],
  ['the last of its usages ended then', [{}, { endedAtEpochMs: NOW - 9 * DAY }], false],
  ['a template named it until then', [{ isPossible: true }], true],
])('%s: its last use is news to Patchwave is %s', (_, changes, isNews) => {
  const ended = changes.map((change) => ({ ...usage('old'), endedAtEpochMs: NOW, ...change }));
  expect(withoutKnownUses([image], ended)).toEqual(isNews ? [image] : []);
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
