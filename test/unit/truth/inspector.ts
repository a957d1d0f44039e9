import { imageArn } from '../../../shared/domain/image/ecr-arn.ts';
import { type Registry, registryKey } from '../../../shared/domain/image/image.ts';
import type { Coverage } from '../../../shared/domain/scan/inspector-coverage.ts';
import {
  type RegistryScanning,
  type RepositoryScanning,
  scanningOf,
} from '../../../shared/domain/scan/registry-scanning.ts';
import type { Inspection } from '../../support/fakes/scanner.ts';
import { DAY_MS, HOUR_MS } from '../../support/samples.ts';
import type { Flaw } from './archive.ts';
import type { Dice } from './dice.ts';
import { HUB, type Line, NEAR } from './fleet.ts';
import { layersOf, packagesOf, type TrueImage } from './images.ts';
import type { Inspecting, Life } from './life.ts';
import type { Trouble } from './trouble.ts';

const MINUTE_MS = 60_000;
/** Older images are not scanned when a registry is switched to enhanced scanning. */
const PICKED_UP_MS = 14 * DAY_MS;
const BASIC: RegistryScanning = { type: 'basic', rules: [] };
const CONTINUOUS: RegistryScanning = { type: 'enhanced', rules: [{ frequency: 'continuous', filters: ['*'] }] };

/** What Amazon Inspector does with one image. */
interface Watched {
  readonly image: TrueImage;
  readonly line: Line;
  readonly firstScanAtEpochMs: number;
  /** It stops to scan the image; its findings are closed some minutes later. */
  expiry?: { readonly fromEpochMs: number; readonly closedAtEpochMs: number };
  isTold?: true;
}

/** Registries have enhanced scanning, from the first day or from a switch on, back too; images expire. */
export const enhancedScanning: Trouble = {
  feature: 'enhanced-scanning',
  begin: (life, milliseconds) => {
    const inspector = new TrueInspector(life);
    life.inspector = inspector;
    life.world.scanner.inspectedBy((registry) => inspector.inspections(registry));
    for (const registry of [HUB, NEAR]) drawScanning(life, inspector, registry, milliseconds);
  },
  end: ({ inspector, diceFor }) => {
    for (const registry of [HUB, NEAR])
      inspector?.calm(registry, diceFor(`scanning at last ${registry.account}`).chance(0.5));
  },
};

/** How a registry scans over the days of trouble. */
function drawScanning(life: Life, inspector: TrueInspector, registry: Registry, milliseconds: number): void {
  const dice = life.diceFor(`scanning ${registry.account}`);
  const [isFirst, switches] = [dice.chance(0.6), dice.pick([0, 0, 1, 2])];
  const [one, other] = [drawRules(life, dice), drawRules(life, dice)];
  let isEnhanced = isFirst;
  if (isEnhanced) inspector.configure(registry, one);
  for (let n = 1; n <= switches; n += 1) {
    const [part, isRuleChange] = [dice.between(0.05, 0.9), dice.chance(0.4)];
    if (!(isEnhanced && isRuleChange)) isEnhanced = !isEnhanced;
    const next = isEnhanced ? (n % 2 === 0 ? one : other) : BASIC;
    life.clockwork.in(Math.floor(((n - 1 + part) / switches) * (milliseconds - HOUR_MS)), () =>
      inspector.configure(registry, next),
    );
  }
  for (let n = dice.int(0, 4); n > 0; n -= 1) {
    const own = life.diceFor(`expiry ${registry.account} ${n}`);
    const [isInReview, day, seconds] = [own.chance(0.6), own.int(1, 3), own.int(1, 10)];
    const at = isInReview ? day * DAY_MS + seconds * 1000 : Math.floor(own.between(0, milliseconds - HOUR_MS));
    life.clockwork.in(at, () => inspector.expireOne(registry, own));
  }
}

/** Most often all repositories are watched; some are only scanned on push, or not at all. */
function drawRules({ lines }: Life, dice: Dice): RegistryScanning {
  const [kind, line] = [dice.int(1, 5), dice.pick(lines)];
  const { repository } = line.location;
  const others = lines.flatMap(({ location }) => (location.repository === repository ? [] : location.repository));
  if (kind <= 3 || others.length === 0) return CONTINUOUS;
  const watched = { frequency: 'continuous', filters: others } as const;
  return {
    type: 'enhanced',
    rules: kind === 4 ? [watched] : [watched, { frequency: 'on-push', filters: [repository] }],
  };
}

/** Amazon Inspector: it scans what is pushed, knows each flaw once it is published, and forgets what it stops to scan. */
class TrueInspector implements Inspecting {
  readonly #life: Life;
  readonly #dice: Dice;
  readonly #configurations = new Map<string, RegistryScanning>();
  readonly #watched = new Map<string, Map<string, Watched>>();
  #images = 0;
  #flaws = 0;

  constructor(life: Life) {
    this.#life = life;
    this.#dice = life.diceFor('inspector');
  }

  /** A person changes how a registry scans. */
  configure(registry: Registry, configuration: RegistryScanning): void {
    const { world, features, tell } = this.#life;
    const key = registryKey(registry);
    const before = this.#configurations.get(key) ?? BASIC;
    this.#configurations.set(key, configuration);
    world.scanner.configure(registry, configuration);
    tell(`registry ${registry.account} scans ${JSON.stringify(configuration)}`);
    if (configuration.type === 'enhanced') features.note('enhanced-scanning');
    // Switched off, Inspector forgets all images of the registry; switched on, it picks up the young ones.
    if (configuration.type === before.type) {
      this.#watchAnew(registry, before);
      return;
    }
    this.#watched.set(key, new Map());
    if (configuration.type === 'enhanced') this.#pickUp(this.#life.factory.imagesAfter(0));
  }

  /** A repository whose images were scanned once is watched from now on: Inspector scans them, and tells what it finds. */
  #watchAnew(registry: Registry, before: RegistryScanning): void {
    const { clockwork, archive } = this.#life;
    for (const watched of this.#of(registry).values()) {
      const { line, image, isTold, expiry } = watched;
      const wasWatched = scanningOf(before, line.location.repository) === 'continuous';
      if (wasWatched || !isTold || expiry || this.#scanningOf(watched) !== 'continuous') continue;
      if (archive.flawsIn(packagesOf(image), clockwork.now).length > 0)
        clockwork.in(MINUTE_MS, () => this.#send(watched, 'Inspector2 Finding'));
    }
  }

  calm(registry: Registry, isEnhanced: boolean): void {
    this.configure(registry, isEnhanced ? CONTINUOUS : BASIC);
    for (const watched of this.#of(registry).values()) delete watched.expiry;
  }

  /** Inspector stops to scan one image of a registry, one with findings if there is any. */
  expireOne(registry: Registry, dice: Dice): void {
    const all = [...this.#of(registry).values()].filter(({ expiry }) => !expiry);
    const found = all.filter((watched) => this.#findingsOf(watched, this.#scanningOf(watched)).length > 0);
    const [from, minutes] = [found.length > 0 ? found : all, dice.pick([0, 0, 5, 10])];
    if (from.length === 0) return;
    const watched = dice.pick(from);
    const fromEpochMs = this.#life.clockwork.now;
    watched.expiry = { fromEpochMs, closedAtEpochMs: fromEpochMs + minutes * MINUTE_MS };
    this.#life.tell(`Amazon Inspector stops to scan ${watched.image.name}`);
    this.#send(watched, 'Inspector2 Coverage');
  }

  /** Scans what was pushed, and tells of flaws that were published. */
  follow(): void {
    const { factory, archive } = this.#life;
    const pushed = factory.imagesAfter(this.#images);
    this.#images += pushed.length;
    this.#pickUp(pushed);
    const published = archive.flaws.slice(this.#flaws);
    this.#flaws += published.length;
    for (const flaw of published) this.#tellOf(flaw);
    for (const watched of this.#all())
      if (!watched.isTold && watched.firstScanAtEpochMs <= this.#life.clockwork.now) this.#tellFirstScan(watched);
  }

  /** What Inspector lists of a registry now. */
  inspections(registry: Registry): readonly Inspection[] {
    const { world } = this.#life;
    return [...this.#of(registry).values()]
      .filter(({ line, image }) => world.registry.find(line.location, image.digest) !== undefined)
      .flatMap((watched): Inspection[] => {
        const { repository } = watched.line.location;
        const scanning = this.#scanningOf(watched);
        if (scanning === 'off') return [];
        const coverage = this.#coverageOf(watched, scanning);
        const inUse = this.#life.uses?.of(watched.image);
        const findings = this.#findingsOf(watched, scanning);
        return [{ repository, digest: watched.image.digest, coverage, findings, ...(inUse && { inUse }) }];
      });
  }

  #coverageOf({ image, firstScanAtEpochMs, expiry }: Watched, scanning: RepositoryScanning): Coverage {
    const now = this.#life.clockwork.now;
    if (now < firstScanAtEpochMs) return { status: 'ACTIVE', reason: 'PENDING_INITIAL_SCAN' };
    const flaws = this.#life.archive
      .flawsIn(packagesOf(image), now)
      .map(({ publishedAtEpochMs }) => publishedAtEpochMs);
    const rescans = scanning === 'continuous' ? flaws : [];
    const lastScannedAtEpochMs = Math.max(firstScanAtEpochMs, ...rescans);
    if (expiry) return { status: 'INACTIVE', reason: 'SCAN_ELIGIBILITY_EXPIRED', lastScannedAtEpochMs };
    const isOnPush = scanning === 'on-push';
    return { status: 'ACTIVE', reason: 'SUCCESSFUL', lastScannedAtEpochMs, ...(isOnPush && { isOnPush }) };
  }

  #findingsOf({ image, firstScanAtEpochMs, expiry }: Watched, scanning: RepositoryScanning) {
    const now = this.#life.clockwork.now;
    if (now < firstScanAtEpochMs || (expiry && now >= expiry.closedAtEpochMs)) return [];
    const asOf = scanning === 'continuous' ? Math.min(now, expiry?.fromEpochMs ?? now) : firstScanAtEpochMs;
    const { archive, features } = this.#life;
    const findings = archive.findingsIn(packagesOf(image), asOf);
    if (!findings.some(({ isLanguagePackage }) => isLanguagePackage)) return findings;
    features.note('language-packages');
    // The layer that installed the package last.
    return findings.map((finding) => {
      const layer = layersOf(image).findLast(({ packages }) => packages.has(finding.package))?.diffId;
      return layer ? { ...finding, layer } : finding;
    });
  }

  #scanningOf({ line: { location } }: Watched): RepositoryScanning {
    return scanningOf(this.#configurations.get(registryKey(location)) ?? BASIC, location.repository);
  }

  #pickUp(images: readonly TrueImage[]): void {
    const { lines, clockwork, features, areScansCalm } = this.#life;
    for (const image of images) {
      const line = lines.find(({ name }) => name === image.line);
      if (!line || this.#configurations.get(registryKey(line.location))?.type !== 'enhanced') continue;
      const [seconds, lateMinutes, isLate] = [this.#dice.int(5, 300), this.#dice.int(30, 900), this.#dice.chance(0.2)];
      const isSlow = !areScansCalm && isLate && features.has('scans-late');
      const isOld = !areScansCalm && image.pushedAtEpochMs < clockwork.now - PICKED_UP_MS;
      this.#of(line.location).set(image.digest, {
        ...{ image, line },
        firstScanAtEpochMs: clockwork.now + (isSlow ? lateMinutes * MINUTE_MS : seconds * 1000),
        ...(isOld && { expiry: { fromEpochMs: clockwork.now, closedAtEpochMs: clockwork.now } }),
      });
    }
  }

  #tellFirstScan(watched: Watched): void {
    watched.isTold = true;
    if (watched.expiry || this.#scanningOf(watched) === 'off') return;
    this.#life.witness?.scanned(watched.image.digest);
    this.#send(watched, 'Inspector2 Scan');
    for (const _ of this.#findingsOf(watched, this.#scanningOf(watched))) this.#send(watched, 'Inspector2 Finding');
  }

  #tellOf(flaw: Flaw): void {
    for (const watched of this.#all()) {
      const { image, expiry, isTold } = watched;
      const isFound = this.#life.archive.flawsIn(packagesOf(image), this.#life.clockwork.now).includes(flaw);
      if (isFound && isTold && !expiry && this.#scanningOf(watched) === 'continuous')
        this.#life.clockwork.in(this.#dice.int(0, 600) * 1000, () => this.#send(watched, 'Inspector2 Finding'));
    }
  }

  #send({ line: { location }, image: { digest } }: Watched, detailType: string): void {
    const { clockwork, delivery } = this.#life;
    const arn = imageArn('aws', location, digest);
    const repository = arn.slice(0, arn.lastIndexOf('/'));
    const body = {
      ...{ version: '0', id: '1', source: 'aws.inspector2', 'detail-type': detailType },
      ...{ account: location.account, region: location.region, time: new Date(clockwork.now).toISOString() },
      resources: [detailType === 'Inspector2 Scan' ? repository : arn],
      detail: { 'repository-name': repository, 'image-digest': digest },
    };
    delivery.event('scan', JSON.stringify(body));
  }

  #of(registry: Registry): Map<string, Watched> {
    const key = registryKey(registry);
    const watched = this.#watched.get(key) ?? new Map<string, Watched>();
    this.#watched.set(key, watched);
    return watched;
  }

  #all = (): readonly Watched[] => [...this.#watched.values()].flatMap((watched) => [...watched.values()]);
}
