import { setTimeout as sleep } from 'node:timers/promises';
import type { Digest, ImageLocation, Registry } from '../../shared/domain/image/image.ts';
import type { Finding } from '../../shared/domain/scan/finding.ts';
import type { RepositoryScanning } from '../../shared/domain/scan/registry-scanning.ts';
import type { ScanReading, ScanReason, ScanRequest } from '../../shared/domain/scan/scan.ts';
import type { InUse } from '../../shared/domain/scan/witness.ts';
import type { CoveredImage, RegistryScans, Scanner } from '../../shared/ports/scanner.ts';
import { digestOf } from '../support/samples.ts';

export interface ScannedImage {
  readonly name: string;
  readonly kind?: 'image' | 'index' | 'unscannable';
  /** Ids of vulnerabilities of the package openssl 3.0.1-1 that the scanner is to find in it. */
  readonly vulnerabilities?: readonly string[];
}

/** What is a scanner's own in the contract of all. */
interface OwnAnswers {
  /** How the registry scans its repositories. */
  readonly scanning: RepositoryScanning;
  /** To the request of a scan. */
  readonly start: Partial<ScanRequest>;
  readonly complete: Partial<ScanReading>;
  /** In each of its findings. */
  readonly finding: Partial<Finding>;
  readonly unscanned: { readonly isPushed: boolean; readonly reason: ScanReason };
  readonly unscannable: ScanReason;
}

/** Every scanner, by the NAME of its adapter `shared/adapters/NAME-scanner.ts`. */
export const SCANNERS = {
  ecr: {
    scanning: 'basic',
    start: { outcome: 'requested' },
    complete: { outcome: 'complete' },
    finding: { fix: 'unknown' },
    unscanned: { isPushed: true, reason: 'never-scanned' },
    unscannable: 'unsupported-image',
  },
  // It scans by itself what is pushed, so it lists only what is not there yet as unscanned.
  inspector: {
    scanning: 'continuous',
    start: { outcome: 'refused', state: 'off', reason: 'enhanced' },
    complete: {
      ...{ outcome: 'complete', isWatched: true, watchedAtEpochMs: expect.any(Number) },
      coverage: ['os', 'language'],
    },
    finding: {},
    unscanned: { isPushed: false, reason: 'not-in-coverage' },
    unscannable: 'unsupported-os',
  },
} as const satisfies Readonly<Record<string, OwnAnswers>>;
type ScannerName = keyof typeof SCANNERS;

/** The scanner of every registry, and images for it to look at. */
export interface ScannerWorld {
  readonly scanner: Scanner;
  readonly scans: Pick<RegistryScans, 'coverage'>;
  /** A repository in a registry that no other test has seen, and that the scanner of the name scans. */
  readonly newRepository: Readonly<Record<ScannerName, () => Promise<ImageLocation>>>;
  /** Amazon ECR scans only so many images of the registry in a day. */
  limit(registry: Registry, dailyQuota: number): Promise<void>;
  push(location: ImageLocation, image: ScannedImage): Promise<Digest>;
  archive(location: ImageLocation, digest: Digest): Promise<void>;
  delete(location: ImageLocation, digest: Digest): Promise<void>;
  /** From now on this is what Amazon Inspector says of the use of an image. */
  use(location: ImageLocation, digest: Digest, use: Partial<InUse>): Promise<void>;
  readonly unreachable: ImageLocation;
}

/** The most that a page of findings holds is 1,000. */
const MANY = 1203;
const ids = (count: number) => Array.from({ length: count }, (_, n) => `CVE-2026-${String(n).padStart(4, '0')}`);

const OPENSSL = { package: 'openssl', version: '3.0.1-1', severity: 'high' };

export function scannerContract(world: () => ScannerWorld): void {
  /** The reading once no scan is in progress; the scan itself may take a moment. */
  async function settled(location: ImageLocation, digest: Digest): Promise<ScanReading> {
    for (;;) {
      const reading = await world().scanner.read(location, digest);
      if (reading.outcome !== 'in-progress') return reading;
      await sleep(20);
    }
  }

  describe.each(Object.keys(SCANNERS) as ScannerName[])('%s', (name) => {
    const own: OwnAnswers = SCANNERS[name];

    test('an image that nothing scanned has no result, not zero findings', async () => {
      const location = await world().newRepository[name]();
      const digest = own.unscanned.isPushed ? await world().push(location, { name: 'a' }) : digestOf('none');
      const expected = { outcome: 'refused', state: 'off', reason: own.unscanned.reason };
      expect(await world().scanner.read(location, digest)).toMatchObject(expected);
    });

    test('a scan has all findings of an image over several pages, each once', async () => {
      const location = await world().newRepository[name]();
      expect(await world().scanner.scanning(location)).toBe(own.scanning);
      for (const count of [0, 2, MANY]) {
        const vulnerabilities = ids(count);
        const digest = await world().push(location, { name: `with ${count}`, vulnerabilities });
        expect(await world().scanner.start(location, digest)).toMatchObject(own.start);
        const reading = await settled(location, digest);
        expect(reading).toMatchObject({ ...own.complete, completedAtEpochMs: expect.any(Number) });
        const findings = reading.outcome === 'complete' ? reading.findings : [];
        expect(findings.map(({ vulnerability }) => vulnerability).sort()).toEqual(vulnerabilities);
        expect(findings).toMatchObject(findings.map(() => ({ ...OPENSSL, ...own.finding })));
      }
    });

    test('an image that the scanner cannot read is unsupported', async () => {
      const location = await world().newRepository[name]();
      const digest = await world().push(location, { name: 'a', kind: 'unscannable' });
      await world().scanner.start(location, digest);
      const expected = { outcome: 'refused', state: 'unsupported', reason: own.unscannable };
      expect(await settled(location, digest)).toMatchObject(expected);
    });
  });

  const OFTEN = { count: 3, lastAtEpochMs: 1_795_489_928_125 };
  const uses: readonly [string, Partial<InUse> | undefined, InUse | undefined][] = [
    ['an image that tasks run has their count and the last instant', OFTEN, OFTEN],
    ['an image that nothing ever ran has no use', undefined, undefined],
    ['an image whose last task has ended has no use', { ...OFTEN, count: 0 }, undefined],
    ['a count without an instant is no use', { count: 3 }, undefined],
    ['an instant without a count is no use', { lastAtEpochMs: OFTEN.lastAtEpochMs }, undefined],
  ];
  test.each(uses)('Amazon Inspector: %s', async (_, said, expected) => {
    const location = await world().newRepository.inspector();
    const digest = await world().push(location, { name: 'used' });
    if (said) await world().use(location, digest, said);
    const pages: CoveredImage[] = [];
    for await (const page of world().scans.coverage(location)) pages.push(...page);
    const covered = pages.filter((image) => image.digest === digest);
    expect(covered).toEqual([expect.objectContaining({ repository: location.repository, digest })]);
    expect(covered[0]?.inUse).toEqual(expected);
  });

  test('a second scan within the day, and one past the daily quota, get the same answer', async () => {
    const location = await world().newRepository.ecr();
    await world().limit(location, 1);
    const [first, second] = [await world().push(location, { name: 'a' }), await world().push(location, { name: 'b' })];
    expect(await world().scanner.start(location, first)).toEqual({ outcome: 'requested' });
    await settled(location, first);
    expect(await world().scanner.start(location, first)).toEqual({ outcome: 'quota-or-scanned' });
    expect(await world().scanner.start(location, second)).toEqual({ outcome: 'quota-or-scanned' });
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
    const location = await world().newRepository.ecr();
    const digest = await arrange(location);
    expect(await world().scanner.start(location, digest)).toMatchObject({ outcome: 'refused', state, reason });
  });

  test('an image deleted after its scan is not found', async () => {
    const location = await world().newRepository.ecr();
    const digest = await world().push(location, { name: 'a' });
    await world().scanner.start(location, digest);
    await settled(location, digest);
    await world().delete(location, digest);
    const expected = { outcome: 'refused', state: 'failed', reason: 'image-not-found' };
    expect(await world().scanner.read(location, digest)).toMatchObject(expected);
  });

  test('a repository that is gone, and a registry that may not be read', async () => {
    const { scanner, unreachable } = world();
    const gone = { ...(await world().newRepository.ecr()), repository: 'team/none' };
    const lost = { outcome: 'refused', state: 'failed', reason: 'image-not-found' };
    const denied = { outcome: 'refused', state: 'unreachable', reason: 'access-denied' };
    for (const ask of ['start', 'read'] as const) {
      expect(await scanner[ask](gone, digestOf('a'))).toMatchObject(lost);
      expect(await scanner[ask](unreachable, digestOf('a'))).toMatchObject(denied);
    }
  });
}
