import { generateDifficultFleet } from '../../../local/fleet/difficult.ts';
import { generateFleet } from '../../../local/fleet/generate.ts';
import { parseFleet } from '../../../local/fleet/load.ts';
import { policySchema } from '../../../shared/domain/policy/policy.ts';
import { safeParse } from '../../../shared/schema.ts';
import { fc } from '../../support/seeded.ts';

const seeds = fc.integer({ min: 0, max: 2 ** 31 - 1 });
const sizes = fc.record({
  seed: seeds,
  images: fc.integer({ min: 12, max: 300 }),
  tasks: fc.integer({ min: 1, max: 3000 }),
  accounts: fc.integer({ min: 1, max: 12 }),
  regions: fc.integer({ min: 1, max: 6 }),
  pods: fc.integer({ min: 0, max: 300 }),
});

test('a generated fleet has the requested size, is valid when read again, and its policy is valid', () => {
  fc.assert(
    fc.property(sizes, (options) => {
      const fleet = generateFleet(options);
      expect(fleet.images).toHaveLength(options.images);
      expect(fleet.accounts).toHaveLength(options.accounts);
      expect(fleet.workloads.reduce((sum, { count }) => sum + count, 0)).toBe(options.tasks);
      expect(fleet.kubernetesWorkloads.reduce((sum, { replicas }) => sum + replicas, 0)).toBe(options.pods);
      expect(parseFleet(JSON.parse(JSON.stringify(fleet)), 'again')).toEqual(fleet);
      expect(safeParse(policySchema, fleet.policy).problems).toBeUndefined();
    }),
    { numRuns: 40 },
  );
});

test('a difficult fleet has 8 to 30 images and is sound when read again', () => {
  fc.assert(
    fc.property(seeds, (seed) => {
      const fleet = generateDifficultFleet(seed);
      expect(fleet.images.length).toBeGreaterThanOrEqual(8);
      expect(fleet.images.length).toBeLessThanOrEqual(30);
      expect(parseFleet(JSON.parse(JSON.stringify(fleet)), 'again')).toEqual(fleet);
      expect(safeParse(policySchema, fleet.policy).problems).toBeUndefined();
    }),
    { numRuns: 200 },
  );
});

test('the same seed gives the same fleet, another seed another', () => {
  fc.assert(
    fc.property(seeds, (seed) => {
      const options = { images: 30, tasks: 50 };
      expect(generateFleet({ ...options, seed })).toEqual(generateFleet({ ...options, seed }));
      expect(generateDifficultFleet(seed)).toEqual(generateDifficultFleet(seed));
      expect(generateFleet({ ...options, seed: seed + 1 }).images).not.toEqual(
        generateFleet({ ...options, seed }).images,
      );
    }),
    { numRuns: 30 },
  );
});

test('thirty seeds bring every difficulty', () => {
  const fleets = Array.from({ length: 30 }, (_, seed) => generateDifficultFleet(seed));
  const images = fleets.flatMap((fleet) => fleet.images);
  const containers = fleets.flatMap((fleet) => fleet.workloads).flatMap((workload) => workload.containers);
  expect(new Set(images.map(({ index }) => index))).toEqual(new Set(['auto', 'always', 'empty', 'attestations-only']));
  expect(new Set(images.map(({ os }) => os))).toEqual(new Set(['debian', 'alpine', 'scratch', 'unknown', undefined]));
  expect(new Set(images.map(({ mediaType }) => mediaType))).toEqual(new Set(['oci', 'docker']));
  for (const isSo of [
    (image: (typeof images)[number]) => image.archived,
    (image: (typeof images)[number]) => image.deleted,
    (image: (typeof images)[number]) => image.cachedFrom !== undefined,
    (image: (typeof images)[number]) => image.layers === 0,
    (image: (typeof images)[number]) => image.copies.length > 0,
    (image: (typeof images)[number]) => image.created !== undefined,
    (image: (typeof images)[number]) => image.lastScannedDaysAgo !== undefined,
    (image: (typeof images)[number]) => image.tags.length === 0,
  ]) {
    expect(images.some(isSo)).toBe(true);
  }
  expect(containers.some((c) => 'digestMissing' in c && c.digestMissing)).toBe(true);
  expect(containers.some((c) => 'digestOnly' in c)).toBe(true);
  expect(containers.some((c) => 'external' in c)).toBe(true);
  expect(fleets.some((fleet) => fleet.registries.length > 0)).toBe(true);
  expect(fleets.some((fleet) => fleet.accounts.some(({ memberRole }) => !memberRole))).toBe(true);
});

test.each([
  [{ seed: 1, images: 11, tasks: 1 }, 'images is 11; it must be a whole number from 12 to 100000'],
  [{ seed: 1, images: 12, tasks: 0 }, 'tasks is 0; it must be a whole number from 1 to 1000000'],
  [{ seed: 1, images: 12, tasks: 1, regions: 7 }, 'regions is 7; it must be a whole number from 1 to 6'],
])('%j is refused', (options, message) => {
  expect(() => generateFleet(options)).toThrow(message);
});
