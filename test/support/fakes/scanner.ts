import {
  type Digest,
  type ImageLocation,
  type PlacedImage,
  placedKey,
  type Registry,
  registryKey,
} from '../../../shared/domain/image/image.ts';
import type { Finding } from '../../../shared/domain/scan/finding.ts';
import { type Coverage, readCoverage } from '../../../shared/domain/scan/inspector-coverage.ts';
import {
  isInspected,
  type RegistryScanning,
  type RepositoryScanning,
  scanningOf,
} from '../../../shared/domain/scan/registry-scanning.ts';
import type { ScanReading, ScanRequest } from '../../../shared/domain/scan/scan.ts';
import type { InUse } from '../../../shared/domain/scan/witness.ts';
import type { Clock } from '../../../shared/ports/clock.ts';
import { RegistryUnreachableError } from '../../../shared/ports/errors.ts';
import type { CoveredImage, RegistryScans, Scanner } from '../../../shared/ports/scanner.ts';
import { copied } from './copied.ts';
import type { FakeRegistry } from './registry.ts';

/** What Amazon Inspector knows of one image. */
export type Inspection = CoveredImage & { readonly findings: readonly Finding[] };

/** Amazon Inspector, of one registry. */
export type Inspector = (registry: Registry) => readonly Inspection[];

type Refusal = Extract<ScanReading, { outcome: 'refused' }>;
const DAY_MS = 24 * 3_600_000;

/**
 * A basic scanner in memory, over the images of a fake registry: once a day per image and location, a daily quota,
 * and results that come when `finish` is called (at once with `completesAtOnce`).
 */
export class FakeScanner implements Scanner, RegistryScans {
  readonly #registry: FakeRegistry;
  readonly #clock: Clock;
  readonly #findings = new Map<Digest, readonly Finding[]>();
  readonly #results = new Map<string, ScanReading>();
  readonly #askedAt = new Map<string, number>();
  readonly #refusals = new Map<Digest, Refusal>();
  readonly #enhanced = new Map<string, RegistryScanning>();
  readonly #covered = new Map<string, Inspection>();
  #inspector: Inspector = (registry) =>
    [...this.#covered].flatMap(([key, one]) => (key.startsWith(`${registryKey(registry)}/`) ? one : []));
  readonly #quotas = new Map<string, number>();
  #sourceUpdatedAtEpochMs = 0;
  #areRequestsRefused = false;
  completesAtOnce = true;
  /** Every scan that was begun, in order. */
  readonly started: { readonly location: ImageLocation; readonly digest: Digest }[] = [];
  /** Every result that was asked for, in order. */
  readonly reads: { readonly location: ImageLocation; readonly digest: Digest }[] = [];

  constructor(registry: FakeRegistry, clock: Clock) {
    this.#registry = registry;
    this.#clock = clock;
  }

  /** What the next scan of an image will find; nothing where this is not called. */
  finds(digest: Digest, findings: readonly Finding[]): this {
    this.#findings.set(digest, findings);
    return this;
  }

  findingsOf(digest: Digest): readonly Finding[] {
    return this.#findings.get(digest) ?? [];
  }

  /** The scanner learns of vulnerabilities now: scans that complete from now on may find what it did not know before. */
  publish(): this {
    this.#sourceUpdatedAtEpochMs = this.#clock();
    return this;
  }

  /** Every later scan of this image ends so. */
  refuses(digest: Digest, refusal: Omit<Refusal, 'outcome'>): this {
    this.#refusals.set(digest, { outcome: 'refused', ...refusal });
    return this;
  }

  /** The registry of this location has enhanced scanning, by default continuous for all repositories. */
  enhance(
    location: ImageLocation,
    rules: RegistryScanning['rules'] = [{ frequency: 'continuous', filters: ['*'] }],
  ): this {
    return this.configure(location, { type: 'enhanced', rules });
  }

  configure(registry: Registry, configuration: RegistryScanning): this {
    this.#enhanced.set(registryKey(registry), configuration);
    return this;
  }

  /** What Amazon Inspector says of an image, with its findings. */
  covers(location: ImageLocation, digest: Digest, coverage: Coverage, findings: readonly Finding[] = []): this {
    const { repository } = location;
    this.#covered.set(scanKey(location, digest), { repository, digest, coverage, findings });
    return this;
  }

  /** Amazon Inspector scanned an image in a registry with enhanced scanning, and watches it by default. */
  inspected(
    location: ImageLocation,
    digest: Digest,
    completedAtEpochMs: number,
    { isWatched = true, findings = [] }: { readonly isWatched?: boolean; readonly findings?: readonly Finding[] } = {},
  ): this {
    const coverage = { status: 'ACTIVE', reason: 'SUCCESSFUL', lastScannedAtEpochMs: completedAtEpochMs };
    return this.covers(location, digest, { ...coverage, ...(!isWatched && { isOnPush: true }) }, findings);
  }

  /** Amazon Inspector says this of the use of an image that it covers; it counts with both, as the port says. */
  uses(location: ImageLocation, digest: Digest, { count = 0, lastAtEpochMs }: Partial<InUse>): this {
    const key = scanKey(location, digest);
    const covered = this.#covered.get(key);
    if (!covered) throw new Error(`Amazon Inspector does not cover ${digest}`);
    const { inUse: _, ...rest } = covered;
    const isUse = count > 0 && lastAtEpochMs !== undefined;
    this.#covered.set(key, { ...rest, ...(isUse && { inUse: { count, lastAtEpochMs } }) });
    return this;
  }

  /** Asked from now on, in the place of what `covers` tells. */
  inspectedBy(inspector: Inspector): this {
    this.#inspector = inspector;
    return this;
  }

  /** The registry takes so many requests in 24 hours. */
  limit(registry: Registry, dailyQuota: number): this {
    this.#quotas.set(registryKey(registry), dailyQuota);
    return this;
  }

  /** Whether each request for a scan is refused from now on, as by a service control policy. Results can be read. */
  refuseRequests(areRefused: boolean): this {
    this.#areRequestsRefused = areRefused;
    return this;
  }

  /** A result that is there before anybody asks, as after a scan on push. */
  scanned(location: ImageLocation, digest: Digest, completedAtEpochMs: number): this {
    this.#askedAt.set(scanKey(location, digest), completedAtEpochMs);
    this.#complete(location, digest, completedAtEpochMs);
    return this;
  }

  /** Completes every scan in progress, or those of one image; returns their digests. */
  finish(only?: Digest): readonly Digest[] {
    const done = this.started.filter(
      ({ location, digest }) =>
        (only === undefined || only === digest) &&
        this.#results.get(scanKey(location, digest))?.outcome === 'in-progress',
    );
    for (const { location, digest } of done) this.#complete(location, digest, this.#clock());
    return done.map(({ digest }) => digest);
  }

  async scanning(location: ImageLocation): Promise<RepositoryScanning | undefined> {
    if (this.#registry.isDenied(location)) return undefined;
    return scanningOf(this.#configuration(location), location.repository);
  }

  async configuration(registry: Registry): Promise<RegistryScanning> {
    if (this.#registry.isDenied(registry)) throw new RegistryUnreachableError(registry, new Error('AccessDenied'));
    return this.#configuration(registry);
  }

  async *coverage(registry: Registry): AsyncIterable<readonly CoveredImage[]> {
    if (this.#registry.isDenied(registry)) throw new RegistryUnreachableError(registry, new Error('AccessDenied'));
    // Pages of one image, and an empty last one, as AWS may give them.
    for (const { findings: _, ...image } of this.#inspector(registry)) yield [image];
    yield [];
  }

  /** Like `InspectorScanner`. */
  async inspectedCoverageOf(
    registry: Registry,
    images: readonly PlacedImage[],
  ): Promise<ReadonlyMap<string, Coverage>> {
    const asked = new Set(images.map(({ location, digest }) => placedKey(location.repository, digest)));
    return this.#inspections(registry, asked, ({ coverage }) => coverage);
  }

  /** Like `InspectorScanner`. */
  async inspectedFindingsOf(
    registry: Registry,
    digests: readonly Digest[],
  ): Promise<ReadonlyMap<string, readonly Finding[]>> {
    const asked = new Set(
      this.#inspector(registry)
        .filter(({ digest }) => digests.includes(digest))
        .map(keyOf),
    );
    return this.#inspections(registry, asked, ({ findings }) => findings);
  }

  #inspections<Part>(registry: Registry, asked: ReadonlySet<string>, part: (one: Inspection) => Part) {
    if (this.#registry.isDenied(registry)) throw new RegistryUnreachableError(registry, new Error('AccessDenied'));
    const found = this.#inspector(registry).filter((one) => asked.has(keyOf(one)));
    return copied(new Map(found.map((one) => [keyOf(one), part(one)])));
  }

  scannedByEcr(): void {}

  async readsNext(): Promise<void> {}

  #configuration(registry: Registry): RegistryScanning {
    return this.#enhanced.get(registryKey(registry)) ?? { type: 'basic', rules: [] };
  }

  async start(location: ImageLocation, digest: Digest): Promise<ScanRequest> {
    const refusal = this.#refusal(location, digest);
    if (refusal) return refusal;
    if (this.#areRequestsRefused)
      return { outcome: 'refused', state: 'unreachable', reason: 'access-denied', detail: 'AccessDeniedException' };
    const now = this.#clock();
    const key = scanKey(location, digest);
    if (this.#isRecent(key) || this.#today(location) >= (this.#quotas.get(registryKey(location)) ?? Infinity)) {
      return { outcome: 'quota-or-scanned' };
    }
    this.#askedAt.set(key, now);
    this.started.push({ location, digest });
    if (this.completesAtOnce) this.#complete(location, digest, now);
    else this.#results.set(key, { outcome: 'in-progress' });
    return { outcome: 'requested' };
  }

  async read(location: ImageLocation, digest: Digest): Promise<ScanReading> {
    this.reads.push({ location, digest });
    if (this.#refusal(location, digest)?.reason === 'enhanced') return copied(this.#inspected(location, digest));
    return this.readBasic(location, digest);
  }

  /** What Amazon ECR itself says: it refuses where Amazon Inspector scans. */
  async readBasic(location: ImageLocation, digest: Digest): Promise<ScanReading> {
    const never: Refusal = {
      outcome: 'refused',
      state: 'off',
      reason: 'never-scanned',
      detail: 'ScanNotFoundException: the image was never scanned',
    };
    const refusal = this.#refusal(location, digest);
    const result = refusal ?? this.#results.get(scanKey(location, digest)) ?? never;
    return copied(result);
  }

  #inspected(location: ImageLocation, digest: Digest): ScanReading {
    const key = placedKey(location.repository, digest);
    const covered = this.#inspector(location).find((one) => keyOf(one) === key);
    const scanning = scanningOf(this.#configuration(location), location.repository);
    const reading = readCoverage(covered?.coverage, scanning, this.#clock());
    if (reading.outcome !== 'result') return reading;
    const { completedAtEpochMs, isWatched } = reading;
    return {
      outcome: 'complete',
      completedAtEpochMs,
      findings: covered?.findings ?? [],
      coverage: ['os', 'language'],
      ...(isWatched && { isWatched, watchedAtEpochMs: this.#clock() }),
    };
  }

  #isRecent(key: string): boolean {
    return (this.#askedAt.get(key) ?? Number.NEGATIVE_INFINITY) > this.#clock() - DAY_MS;
  }

  #today(location: ImageLocation): number {
    const prefix = `${registryKey(location)}/`;
    return [...this.#askedAt.keys()].filter((key) => key.startsWith(prefix) && this.#isRecent(key)).length;
  }

  #complete(location: ImageLocation, digest: Digest, completedAtEpochMs: number): void {
    const findings = this.#findings.get(digest) ?? [];
    const refusal = this.#refusals.get(digest);
    const sourceUpdatedAtEpochMs = this.#sourceUpdatedAtEpochMs;
    this.#results.set(
      scanKey(location, digest),
      refusal ?? { outcome: 'complete', completedAtEpochMs, findings, sourceUpdatedAtEpochMs },
    );
  }

  #refusal(location: ImageLocation, digest: Digest): Refusal | undefined {
    const refused = (state: Refusal['state'], reason: Refusal['reason'], detail: string): Refusal => ({
      outcome: 'refused',
      state,
      reason,
      detail,
    });
    if (this.#registry.isDenied(location)) return refused('unreachable', 'access-denied', 'AccessDenied');
    // Amazon Inspector knows only its own list, and a repository that no rule fits is not scanned at all.
    const scanning = scanningOf(this.#configuration(location), location.repository);
    if (scanning === 'off') return refused('off', 'not-covered', 'no rule fits');
    if (isInspected(scanning)) return refused('off', 'enhanced', 'ValidationException');
    const kept = this.#registry.find(location, digest);
    if (!kept) return refused('failed', 'image-not-found', 'ImageNotFoundException');
    if (kept.archived) return refused('off', 'archived', 'ImageArchivedException');
    if (kept.artifact.kind === 'index') {
      return refused('unsupported', 'unsupported-type', 'UnsupportedImageTypeException');
    }
    return undefined;
  }
}

const keyOf = ({ repository, digest }: Inspection): string => placedKey(repository, digest);

const scanKey = (location: ImageLocation, digest: Digest): string =>
  `${registryKey(location)}/${location.repository}@${digest}`;
