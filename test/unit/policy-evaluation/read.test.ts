import { type ImageLocation, locationKey } from '../../../shared/domain/image/image.ts';
import type { ScanReading, ScanReason } from '../../../shared/domain/scan/scan.ts';
import type { Scanner } from '../../../shared/ports/scanner.ts';
import { readAnywhere } from '../../../shared/scanning/read.ts';
import { START_EPOCH_MS } from '../../support/fakes/world.ts';
import { fc } from '../../support/seeded.ts';
import { digestOf, first, second } from './support.ts';

const digest = digestOf(1);
const third: ImageLocation = { ...second, region: 'eu-west-2' };
const result: ScanReading = { outcome: 'complete', completedAtEpochMs: START_EPOCH_MS, findings: [] };
const refusal = (reason: ScanReason, detail = ''): ScanReading => ({
  ...{ outcome: 'refused', state: 'failed' },
  ...{ reason, detail },
});

const scannerOf = (...readings: readonly (readonly [ImageLocation, ScanReading])[]): Scanner => {
  const known = new Map(readings.map(([location, reading]) => [locationKey(location), reading]));
  const scanner: Scanner = {
    scanning: async () => 'basic',
    readsNext: async () => {},
    scannedByEcr: () => {},
    start: async () => ({ outcome: 'quota-or-scanned' }),
    read: async (location) => known.get(locationKey(location)) ?? refusal('never-scanned'),
  };
  return scanner;
};

const ofThePlace: readonly ScanReason[] = [
  ...(['scan-failed', 'unknown-status', 'quota-or-scanned', 'enhanced', 'expired', 'on-push-only'] as const),
  ...(['scanning-ends', 'scanner-denied', 'key-denied', 'not-covered', 'not-in-coverage'] as const),
  ...(['access-denied', 'archived', 'image-not-found', 'never-scanned'] as const),
];

test.each(ofThePlace)('a scan refused as %s in one location is read in another', async (reason) => {
  const scanner = scannerOf([first, refusal(reason)], [second, result]);
  expect(await readAnywhere(scanner, [first, second], { digest })).toEqual(result);
  expect(await readAnywhere(scanner, [second, first], { digest })).toEqual(result);
});

test.each<[string, ScanReading]>([
  ['has a result', result],
  ['cannot read it', refusal('unsupported-image')],
  ['scans it now', { outcome: 'in-progress' }],
])('a location that Inspector watches is read before one where basic scanning %s', async (_, basic) => {
  const watched: ScanReading = { ...result, coverage: ['os', 'language'], isWatched: true };
  const scanner = scannerOf([first, basic], [second, watched]);
  scanner.scanning = async (location) => (location === second ? 'continuous' : 'basic');
  expect(await readAnywhere(scanner, [first, second], { digest })).toEqual(watched);
});

test('a registry that does not say how it scans stops no read', async () => {
  const scanner = scannerOf([second, result]);
  scanner.scanning = () => Promise.reject(new Error('ThrottlingException'));
  expect(await readAnywhere(scanner, [first, second], { digest })).toEqual(result);
});

test('an unsupported image is not requested at other locations', async () => {
  const unsupported = refusal('unsupported-image');
  const scanner = scannerOf([first, unsupported], [second, result]);
  expect(await readAnywhere(scanner, [first, second], { digest })).toEqual(unsupported);
});

test('a failed scan takes precedence over a location without a scan', async () => {
  const scanner = scannerOf([second, refusal('scan-failed')]);
  expect(await readAnywhere(scanner, [first, second], { digest })).toEqual(refusal('scan-failed'));
});

test('if all locations refuse, their order does not matter', async () => {
  const places = [first, second, third];
  const order = fc.shuffledSubarray(places, { minLength: 3 });
  const reasons = fc.array(fc.constantFrom(...ofThePlace), { minLength: 3, maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(reasons, order, async (said, asked) => {
      const scanner = scannerOf(
        ...places.map((place, index) => [place, refusal(said[index] ?? 'enhanced', locationKey(place))] as const),
      );
      expect(await readAnywhere(scanner, asked, { digest })).toEqual(await readAnywhere(scanner, places, { digest }));
    }),
  );
});

test('an image without a place is outside Amazon ECR', async () => {
  expect(await readAnywhere(scannerOf(), [], { digest })).toMatchObject({ outcome: 'refused', reason: 'not-in-ecr' });
});
