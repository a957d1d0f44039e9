import { setTimeout as sleep } from 'node:timers/promises';
import type { Digest, ImageLocation } from '../../shared/domain/image/image.ts';
import type { ScanReading } from '../../shared/domain/scan/scan.ts';
import type { Scanner } from '../../shared/ports/scanner.ts';
import { digestOf } from '../support/samples.ts';

export interface ScannedImage {
  readonly name: string;
  readonly kind?: 'image' | 'index' | 'unscannable';
  /** Ids of vulnerabilities of the package openssl 3.0.1-1 that the scanner is to find in it. */
  readonly vulnerabilities?: readonly string[];
}

/** A scanner, and images for it to look at. */
export interface ScannerWorld {
  readonly scanner: Scanner;
  /** A repository in a registry that no other test has seen. */
  newRepository(settings?: { readonly enhanced?: boolean; readonly dailyQuota?: number }): Promise<ImageLocation>;
  push(location: ImageLocation, image: ScannedImage): Promise<Digest>;
  archive(location: ImageLocation, digest: Digest): Promise<void>;
  delete(location: ImageLocation, digest: Digest): Promise<void>;
  readonly unreachable: ImageLocation;
}

/** The most that a page of findings holds is 1,000. */
const MANY = 1203;
const ids = (count: number) => Array.from({ length: count }, (_, n) => `CVE-2026-${String(n).padStart(4, '0')}`);

export function scannerContract(world: () => ScannerWorld): void {
  /** The reading once no scan is in progress; the scan itself may take a moment. */
  async function settled(location: ImageLocation, digest: Digest): Promise<ScanReading> {
    for (;;) {
      const reading = await world().scanner.read(location, digest);
      if (reading.outcome !== 'in-progress') return reading;
      await sleep(20);
    }
  }

  async function scanned(location: ImageLocation, image: ScannedImage): Promise<ScanReading> {
    const digest = await world().push(location, image);
    expect(await world().scanner.start(location, digest)).toEqual({ outcome: 'requested' });
    return settled(location, digest);
  }

  test('an unscanned image has no result, not zero findings', async () => {
    const location = await world().newRepository();
    const digest = await world().push(location, { name: 'a' });
    expect(await world().scanner.read(location, digest)).toMatchObject({
      outcome: 'refused',
      state: 'off',
      reason: 'never-scanned',
    });
  });

  test('a scan completes with its findings', async () => {
    const reading = await scanned(await world().newRepository(), { name: 'a', vulnerabilities: ids(2) });
    expect(reading).toMatchObject({ outcome: 'complete', completedAtEpochMs: expect.any(Number) });
    const findings = reading.outcome === 'complete' ? reading.findings : [];
    const common = { package: 'openssl', version: '3.0.1-1', severity: 'high', fix: 'unknown' };
    expect(findings.map(({ uri: _, ...finding }) => finding)).toEqual(
      expect.arrayContaining(ids(2).map((vulnerability) => ({ vulnerability, ...common }))),
    );
    expect(findings).toHaveLength(2);
  });

  test('an image without findings is complete', async () => {
    expect(await scanned(await world().newRepository(), { name: 'a' })).toMatchObject({
      outcome: 'complete',
      findings: [],
    });
  });

  test('findings of several pages come together, each once', async () => {
    const reading = await scanned(await world().newRepository(), { name: 'a', vulnerabilities: ids(MANY) });
    const found = reading.outcome === 'complete' ? reading.findings.map(({ vulnerability }) => vulnerability) : [];
    expect([...found].sort()).toEqual(ids(MANY));
  });

  test('a second scan within the day, and one past the daily quota, get the same answer', async () => {
    const location = await world().newRepository({ dailyQuota: 1 });
    const [first, second] = [await world().push(location, { name: 'a' }), await world().push(location, { name: 'b' })];
    expect(await world().scanner.start(location, first)).toEqual({ outcome: 'requested' });
    await settled(location, first);
    expect(await world().scanner.start(location, first)).toEqual({ outcome: 'quota-or-scanned' });
    expect(await world().scanner.start(location, second)).toEqual({ outcome: 'quota-or-scanned' });
  });

  test('an image that the scanner cannot read is unsupported', async () => {
    expect(await scanned(await world().newRepository(), { name: 'a', kind: 'unscannable' })).toMatchObject({
      outcome: 'refused',
      state: 'unsupported',
      reason: 'unsupported-image',
    });
  });

  const refusals: readonly [string, (location: ImageLocation) => Promise<Digest>, string, string][] = [
    ['an index', (location) => world().push(location, { name: 'a', kind: 'index' }), 'unsupported', 'unsupported-type'],
    ['an image that is not there', async () => digestOf('none'), 'failed', 'image-not-found'],
    [
      'an archived image',
      async (location) => {
        const digest = await world().push(location, { name: 'a' });
        await world().archive(location, digest);
        return digest;
      },
      'off',
      'archived',
    ],
  ];
  test.each(refusals)('%s is refused by a reason of its own', async (_, arrange, state, reason) => {
    const location = await world().newRepository();
    const digest = await arrange(location);
    expect(await world().scanner.start(location, digest)).toMatchObject({ outcome: 'refused', state, reason });
  });

  test('an image deleted after its scan is not found', async () => {
    const location = await world().newRepository();
    const digest = await world().push(location, { name: 'a' });
    await world().scanner.start(location, digest);
    await settled(location, digest);
    await world().delete(location, digest);
    const expected = { outcome: 'refused', state: 'failed', reason: 'image-not-found' };
    expect(await world().scanner.read(location, digest)).toMatchObject(expected);
  });

  test('a registry with enhanced scanning takes no request', async () => {
    const location = await world().newRepository({ enhanced: true });
    const digest = await world().push(location, { name: 'a' });
    const expected = { outcome: 'refused', state: 'off', reason: 'enhanced' };
    expect(await world().scanner.start(location, digest)).toMatchObject(expected);
  });

  test('an image that Amazon Inspector watches is known, with its findings or without any', async () => {
    const location = await world().newRepository({ enhanced: true });
    expect(await world().scanner.scanning(location)).toBe('continuous');
    for (const vulnerabilities of [[], ids(2), ids(MANY)]) {
      const digest = await world().push(location, { name: `with ${vulnerabilities.length}`, vulnerabilities });
      const reading = await settled(location, digest);
      expect(reading).toMatchObject({
        ...{ outcome: 'complete', isWatched: true, coverage: ['os', 'language'] },
        ...{ completedAtEpochMs: expect.any(Number), watchedAtEpochMs: expect.any(Number) },
      });
      const found = reading.outcome === 'complete' ? reading.findings.map(({ vulnerability }) => vulnerability) : [];
      expect([...found].sort()).toEqual(vulnerabilities);
    }
  });

  test('an image that Amazon Inspector cannot read has no result', async () => {
    const location = await world().newRepository({ enhanced: true });
    const digest = await world().push(location, { name: 'a', kind: 'unscannable' });
    expect(await settled(location, digest)).toMatchObject({ state: 'unsupported', reason: 'unsupported-os' });
  });

  test('an image that Amazon Inspector does not list has no result', async () => {
    const location = await world().newRepository({ enhanced: true });
    expect(await world().scanner.read(location, digestOf('none'))).toMatchObject({
      ...{ outcome: 'refused', state: 'off', reason: 'not-in-coverage' },
    });
  });

  test('a repository that is gone, and a registry that may not be read', async () => {
    const { scanner, unreachable } = world();
    const gone = { ...(await world().newRepository()), repository: 'team/none' };
    const lost = { outcome: 'refused', state: 'failed', reason: 'image-not-found' };
    const denied = { outcome: 'refused', state: 'unreachable', reason: 'access-denied' };
    for (const ask of ['start', 'read'] as const) {
      expect(await scanner[ask](gone, digestOf('a'))).toMatchObject(lost);
      expect(await scanner[ask](unreachable, digestOf('a'))).toMatchObject(denied);
    }
  });
}
