import type { ECRClient } from '@aws-sdk/client-ecr';
import type { Inspector2Client } from '@aws-sdk/client-inspector2';
import { piecesOf } from '../concurrency.ts';
import { MINUTE_MS } from '../domain/common/time.ts';
import {
  type Digest,
  type ImageLocation,
  locationKey,
  type PlacedImage,
  placedKey,
  type Registry,
  registryKey,
} from '../domain/image/image.ts';
import type { Finding } from '../domain/scan/finding.ts';
import { type Coverage, isPassing, readCoverage } from '../domain/scan/inspector-coverage.ts';
import {
  isInspected,
  type RegistryScanning,
  type RepositoryScanning,
  scanningOf,
} from '../domain/scan/registry-scanning.ts';
import type { ScanReading, ScanRequest } from '../domain/scan/scan.ts';
import type { Clock } from '../ports/clock.ts';
import { RegistryUnreachableError } from '../ports/errors.ts';
import type { ImagesToRead, RegistryScans, ReviewedScans, Scanner } from '../ports/scanner.ts';
import type { RegionalClients } from './clients.ts';
import { EcrScanner } from './ecr-scanner.ts';
import { readRegistryScanning } from './ecr-scanning-configuration.ts';
import { InspectorScanner, type InspectorSettings, VALUES_A_FILTER } from './inspector-scanner.ts';

export interface ScanClients {
  readonly ecr: RegionalClients<ECRClient>;
  readonly inspector: RegionalClients<Inspector2Client>;
}

export interface ScannerSettings extends InspectorSettings {
  readonly clock: Clock;
  /** What the running review has read already; absent outside a review. */
  readonly reviewed?: ReviewedScans;
}

/** The scanner of each registry: Amazon ECR's own, or Amazon Inspector. Every function uses it from here. */
export const registryScanner = ({ ecr, inspector }: ScanClients, settings: ScannerSettings): Scanner =>
  new RegistryScanner(
    {
      ecr: new EcrScanner(ecr),
      inspector: new InspectorScanner(inspector, settings),
      configuration: (registry) => readRegistryScanning(ecr, registry),
    },
    settings,
  );

/** What registries say about their scans as a whole. */
export const registryScans = ({ ecr, inspector }: ScanClients, settings: InspectorSettings): RegistryScans => {
  const scanner = new InspectorScanner(inspector, settings);
  return {
    configuration: (registry) => readRegistryScanning(ecr, registry),
    coverage: (registry) => scanner.coverage(registry),
  };
};

/** For so long a scanning configuration counts: a person rarely changes it, and each image asks for it. */
const CONFIGURATION_COUNTS_MS = 5 * MINUTE_MS;

type Refused = Extract<ScanReading, { outcome: 'refused' }>;

/** Who scans the images of registries, and how a registry says so. */
export interface ScannerParts extends Pick<RegistryScans, 'configuration'> {
  readonly ecr: Pick<Scanner, 'start' | 'read'>;
  readonly inspector: Pick<InspectorScanner, 'coverageOf' | 'findingsOf'>;
}

export class RegistryScanner implements Scanner {
  readonly #ecr: ScannerParts['ecr'];
  readonly #inspector: ScannerParts['inspector'];
  readonly #settings: Pick<ScannerSettings, 'clock' | 'reviewed'>;
  readonly #configurations: KeptConfigurations;
  /** Images of which each is read once, by place. */
  #groups = new Map<string, InspectedImages>();

  constructor({ ecr, inspector, configuration }: ScannerParts, settings: Pick<ScannerSettings, 'clock' | 'reviewed'>) {
    this.#ecr = ecr;
    this.#inspector = inspector;
    this.#settings = settings;
    this.#configurations = new KeptConfigurations(settings.clock, async (registry) => {
      try {
        return await configuration(registry);
      } catch (error) {
        // The scanner itself says then what it refuses.
        if (error instanceof RegistryUnreachableError) return undefined;
        throw error;
      }
    });
  }

  async scanning(location: ImageLocation): Promise<RepositoryScanning | undefined> {
    const reviewed = await this.#settings.reviewed?.configuration(location);
    const configuration = reviewed ?? (await this.#configurations.of(location));
    return configuration && scanningOf(configuration, location.repository);
  }

  scannedByEcr(registry: Registry, atEpochMs: number): void {
    this.#configurations.keep(registry, { type: 'basic', rules: [] }, atEpochMs);
  }

  async start(location: ImageLocation, digest: Digest): Promise<ScanRequest> {
    const scanning = await this.scanning(location);
    if (scanning === 'off') return NOT_COVERED;
    return isInspected(scanning) ? SCANS_BY_ITSELF : this.#ecr.start(location, digest);
  }

  async read(location: ImageLocation, digest: Digest, knownFindings?: number): Promise<ScanReading> {
    const key = placeKey(location, digest);
    const group = this.#groups.get(key);
    // What a group read counts once: a second read of an image is to see what is new.
    this.#groups.delete(key);
    const scanning = await this.scanning(location);
    if (scanning === 'off') return NOT_COVERED;
    if (!isInspected(scanning)) return this.#ecr.read(location, digest);
    try {
      return await this.#inspected(location, digest, {
        ...{ scanning, knownFindings },
        group: group ?? this.#together(location, [{ location, digest }]),
      });
    } catch (error) {
      if (!(error instanceof RegistryUnreachableError)) throw error;
      return refused('unreachable', 'access-denied', error.message);
    }
  }

  async readsNext(images: ImagesToRead): Promise<void> {
    this.#groups = groupsOf(images, (registry, together) => this.#together(registry, together));
  }

  #together(registry: Registry, images: readonly PlacedImage[]): InspectedImages {
    return new InspectedImages(this.#inspector, this.#settings.clock, registry, images);
  }

  /**
   * The coverage is always older than the findings: findings of a scan that ended in between may not be missing. When
   * Inspector stops to scan an image, it first says so and then closes the findings, also those that no reader has seen. So
   * no findings, and fewer than are known, count only if the coverage still stands after they were read.
   */
  async #inspected(
    location: ImageLocation,
    digest: Digest,
    { scanning, group, knownFindings = 1 }: InspectedRead,
  ): Promise<ScanReading> {
    const key = placedKey(location.repository, digest);
    const readingIn = (coverage: AskedCoverage) =>
      readCoverage(coverage.images.get(key), scanning, this.#settings.clock());
    const reviewed = await this.#reviewedCoverage(location, digest);
    const isCurrent = reviewed !== undefined && !isPassing(readingIn(reviewed));
    const covered = isCurrent ? reviewed : await group.coverage();
    const reading = readingIn(covered);
    if (reading.outcome !== 'result') return reading;
    const { findings, coverageAfter } = isCurrent ? group.read : group.readAfterCoverage;
    const ofImage = (await findings()).get(key) ?? [];
    if (ofImage.length < Math.max(knownFindings, 1)) {
      const after = readingIn(await coverageAfter());
      if (after.outcome !== 'result') return after;
    }
    const { completedAtEpochMs, isWatched } = reading;
    return {
      outcome: 'complete',
      completedAtEpochMs,
      findings: ofImage,
      coverage: ['os', 'language'],
      ...(isWatched && { isWatched, watchedAtEpochMs: covered.askedAtEpochMs }),
    };
  }

  async #reviewedCoverage(location: ImageLocation, digest: Digest): Promise<AskedCoverage | undefined> {
    const reviewed = await this.#settings.reviewed?.coverage(location, digest);
    if (!reviewed) return undefined;
    const key = placedKey(location.repository, digest);
    const images = new Map(reviewed.coverage ? [[key, reviewed.coverage]] : []);
    return { askedAtEpochMs: reviewed.readAtEpochMs, images };
  }
}

interface InspectedRead {
  readonly scanning: RepositoryScanning | undefined;
  readonly group: InspectedImages;
  readonly knownFindings: number | undefined;
}

interface AskedCoverage {
  /** The instant before the first page was asked for. */
  readonly askedAtEpochMs: number;
  /** By `placedKey`. */
  readonly images: ReadonlyMap<string, Coverage>;
}

interface FindingsRead {
  /** By `placedKey`. */
  readonly findings: () => Promise<ReadonlyMap<string, readonly Finding[]>>;
  readonly coverageAfter: () => Promise<AskedCoverage>;
}

/** Some images of one registry, which are read together at the first read of one of them. */
class InspectedImages {
  readonly coverage: () => Promise<AskedCoverage>;
  readonly read: FindingsRead;
  readonly readAfterCoverage: FindingsRead;

  constructor(inspector: ScannerParts['inspector'], clock: Clock, registry: Registry, images: readonly PlacedImage[]) {
    const digests = images.map(({ digest }) => digest);
    const askCoverage = async (): Promise<AskedCoverage> => {
      const askedAtEpochMs = clock();
      return { askedAtEpochMs, images: await inspector.coverageOf(registry, images) };
    };
    const readAfter = (before: () => Promise<unknown>): FindingsRead => {
      const findings = once(async () => {
        await before();
        return inspector.findingsOf(registry, digests);
      });
      const coverageAfter = once(async () => {
        await findings();
        return askCoverage();
      });
      return { findings, coverageAfter };
    };
    this.coverage = once(askCoverage);
    this.read = readAfter(async () => {});
    this.readAfterCoverage = readAfter(this.coverage);
  }
}

/** The images by place, in groups of one call; of each image the first place in each registry. */
function groupsOf(
  images: ImagesToRead,
  make: (registry: Registry, together: readonly PlacedImage[]) => InspectedImages,
): Map<string, InspectedImages> {
  const places = images.flatMap(({ digest, locations }) =>
    [...new Map([...locations].reverse().map((location) => [registryKey(location), location])).values()].map(
      (location): PlacedImage => ({ location, digest }),
    ),
  );
  const groups = new Map<string, InspectedImages>();
  for (const ofRegistry of Map.groupBy(places, ({ location }) => registryKey(location)).values())
    for (const piece of piecesOf(ofRegistry, VALUES_A_FILTER)) {
      const [first] = piece;
      if (!first) continue;
      const group = make(first.location, piece);
      for (const { location, digest } of piece) groups.set(placeKey(location, digest), group);
    }
  return groups;
}

const placeKey = (location: ImageLocation, digest: Digest): string => `${locationKey(location)}@${digest}`;

const refused = (state: Refused['state'], reason: Refused['reason'], detail: string): Refused => ({
  outcome: 'refused',
  state,
  reason,
  detail,
});

const NOT_COVERED = refused(
  'off',
  'not-covered',
  'the registry has enhanced scanning, and none of its rules fits the repository',
);
const SCANS_BY_ITSELF = refused(
  'off',
  'enhanced',
  'Amazon Inspector scans the repository by itself and takes no requests',
);

/** One call however often it is asked for; a failed one is made again. */
function once<Value>(make: () => Promise<Value>): () => Promise<Value> {
  let made: Promise<Value> | undefined;
  return () => {
    made ??= make().catch((error: unknown) => {
      made = undefined;
      throw error;
    });
    return made;
  };
}

type Configuration = RegistryScanning | undefined;

/** The configuration of each registry, read once for some minutes; a failed read is made again. */
class KeptConfigurations {
  readonly #clock: Clock;
  readonly #read: (registry: Registry) => Promise<Configuration>;
  readonly #kept = new Map<string, { readonly value: () => Promise<Configuration>; readonly atEpochMs: number }>();

  constructor(clock: Clock, read: (registry: Registry) => Promise<Configuration>) {
    this.#clock = clock;
    this.#read = read;
  }

  of(registry: Registry): Promise<Configuration> {
    const key = registryKey(registry);
    const now = this.#clock();
    const known = this.#kept.get(key);
    if (known && now < known.atEpochMs + CONFIGURATION_COUNTS_MS) return known.value();
    const value = once(() => this.#read(registry));
    this.#kept.set(key, { value, atEpochMs: now });
    return value();
  }

  /** Keeps a configuration seen at this instant, unless a newer one is known. */
  keep(registry: Registry, configuration: RegistryScanning, atEpochMs: number): void {
    const key = registryKey(registry);
    const seen = Math.min(atEpochMs, this.#clock());
    if ((this.#kept.get(key)?.atEpochMs ?? 0) < seen)
      this.#kept.set(key, { value: async () => configuration, atEpochMs: seen });
  }
}
