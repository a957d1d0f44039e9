import { eachConcurrently, mapConcurrently } from '../concurrency.ts';
import { type AdmissionRecords, admissionFactsOf } from '../domain/admission/admission-facts.ts';
import {
  type DoorPolicy,
  type GraceOfDigest,
  graceOfDigest,
  type StartOfDigest,
  startOfDigest,
} from '../domain/admission/admit.ts';
import { startOfIndex } from '../domain/admission/listed-indexes.ts';
import type { Presence } from '../domain/admission/standing.ts';
import { DAY_MS, HOUR_MS } from '../domain/common/time.ts';
import { type Digest, type IndexChild, isDigest } from '../domain/image/image.ts';
import { readImageReference } from '../domain/image/reference.ts';
import { type Cluster, referencesOf } from '../domain/image/usage.ts';
import { type DoorPlace, doorPlaceText } from '../domain/policy/doors.ts';
import type { Policy } from '../domain/policy/policy.ts';
import type { PresencesOfImages } from '../ports/admission.ts';
import type { Clock } from '../ports/clock.ts';
import type { ImageIndex, ImageLedger, PlaceLedger, RecordedIndexes, UsageLedger } from '../ports/ledger.ts';
import { indexesOf } from './read-admission-facts.ts';

export interface AllowedImagesPorts {
  readonly images: Pick<ImageLedger, 'get'>;
  readonly imageIndex: Pick<ImageIndex, 'bornBefore' | 'scannedSince'>;
  readonly places: Pick<PlaceLedger, 'indexStates'>;
  readonly recordedIndexes: Pick<RecordedIndexes, 'recordedSince'>;
  readonly usages: Pick<UsageLedger, 'all'>;
  readonly running: PresencesOfImages;
  readonly clock: Clock;
}

/** The images and indexes that may start, for lists of doors that cannot ask Patchwave. */
export interface AllowedImages {
  /** When the reading began: what the ledger has learned since may be missing. */
  readonly readAtEpochMs: number;
  /** They may start everywhere. */
  readonly allowed: ReadonlySet<Digest>;
  /** Their records cannot be judged, so they may not start. Sorted. */
  readonly unreadable: readonly Digest[];
  /** The images and indexes that may start only in some namespaces of an EKS cluster, with a warning: they are in good standing there. */
  gracedIn(cluster: Cluster): ReadonlyMap<Digest, GraceInCluster>;
}

export interface GraceInCluster extends GraceOfDigest {
  /** Sorted. */
  readonly namespaces: readonly string[];
}

/** Most records take a few kilobytes, and one with thousands of findings takes a megabyte. */
const DIGESTS_A_PIECE = 100;
const PIECES_AT_ONCE = 4;
const PRESENCES_AT_ONCE = 16;
const CLUSTERS_AT_ONCE = 4;

/** Clocks differ: of a registry, of a build, and of ours. */
const CLOCK_DIFFERENCE_MS = DAY_MS;

/** No image is born later. */
const END_OF_TIME_EPOCH_MS = Date.UTC(9999, 11, 31);

/**
 * Every image and index of the ledger that the webhook would let start in a namespace of EKS under a policy. Memory holds the
 * records of a few hundred images at a time, and all digests.
 * @param clusters of EKS: what their workloads run and name is looked at too, however old it is
 * @param readAtEpochMs when the reading began, with that of the policy
 * @throws what a read throws; an item that cannot be read is `unreadable`, or left out
 */
export async function listAllowedImages(
  ports: AllowedImagesPorts,
  policy: DoorPolicy,
  clusters: readonly Cluster[],
  readAtEpochMs = ports.clock(),
): Promise<AllowedImages> {
  const starts = new KnownStarts(ports, policy, clusters, readAtEpochMs);
  const { imageIndex, recordedIndexes } = ports;
  // A result counts for `staleScanHours`, and what is in good standing may start for its grace after that.
  const { staleScanHours, doors } = policy.policy;
  const countsMs = staleScanHours * HOUR_MS + (doors?.graceRunningDays ?? 0) * DAY_MS;
  const scanned = () => imageIndex.scannedSince(readAtEpochMs - countsMs);
  const aged = () => digestsIn(imageIndex.bornBefore(END_OF_TIME_EPOCH_MS));
  // Meanwhile an image may move from each list to the other, or to a place of its list that was read before. While an index
  // moves it, it may be at no place. So both lists are read twice, and only the keys cost anything then.
  await starts.ofImages(scanned());
  await starts.ofImages(aged());
  await starts.ofImages(scanned());
  await starts.ofImages(aged());
  const named = new Set<Digest>();
  await mapConcurrently(clusters, CLUSTERS_AT_ONCE, (cluster) =>
    starts.ofImages(digestsRunning(ports, cluster, named)),
  );
  // An index is recorded after each of its images was built.
  const sinceEpochMs = Math.max(0, Math.min(readAtEpochMs, starts.oldestEpochMs) - CLOCK_DIFFERENCE_MS);
  await starts.ofIndexes(recordedIndexes.recordedSince(sinceEpochMs));
  await starts.ofIndexes([[...named]]);
  return { readAtEpochMs, ...starts.all() };
}

/** Where digests may start, as far as it is decided. */
class KnownStarts {
  readonly #ports: Pick<AllowedImagesPorts, 'images' | 'places' | 'running'>;
  readonly #policy: Policy;
  readonly #at: DoorPolicy & { readonly nowEpochMs: number };
  /** An index may hold another one, which is no image: so they are kept apart. */
  readonly #images = new Map<Digest, StartOfDigest>();
  readonly #indexes = new Map<Digest, StartOfDigest>();
  /** By cluster. */
  readonly #graced: ReadonlyMap<string, Map<Digest, GraceInCluster>>;
  readonly #unreadable = new Set<Digest>();
  /**
   * When the oldest image that may start was built; 0 if that is not known of one. A waiver, or a rebuild that made the same
   * content, may let an image start that is older than every age limit.
   */
  oldestEpochMs = Number.POSITIVE_INFINITY;

  constructor(
    ports: Pick<AllowedImagesPorts, 'images' | 'places' | 'running'>,
    { policy, applied }: DoorPolicy,
    clusters: readonly Cluster[],
    nowEpochMs: number,
  ) {
    this.#ports = ports;
    this.#policy = policy;
    this.#graced = new Map(clusters.map((cluster) => [clusterOf(cluster), new Map()]));
    this.#at = { policy, applied, nowEpochMs };
  }

  async ofImages(pages: Pages): Promise<void> {
    await eachConcurrently(newPieces(pages, this.#images), PIECES_AT_ONCE, async (digests) => {
      const images = await this.#ports.images.get(digests);
      for (const digest of digests) {
        const start = this.#orUnreadable(digest, () => {
          const [image] = admissionFactsOf(digest, { images, ...NOTHING_ELSE }, this.#policy).images;
          return image ? startOfDigest(image, this.#at) : 'nowhere';
        });
        this.#images.set(digest, start);
      }
      await mapConcurrently(digests, PRESENCES_AT_ONCE, async (digest) => {
        const start = this.#images.get(digest);
        const mayStart =
          start === 'in-good-standing' ? await this.#grace(digest, { images, indexes: NONE }, []) : start;
        if (mayStart === 'nowhere') return;
        const birth = images.get(digest)?.birth;
        const bornAtEpochMs = birth?.known && isInstant(birth.bornAtEpochMs) ? birth.bornAtEpochMs : 0;
        this.oldestEpochMs = Math.min(this.oldestEpochMs, bornAtEpochMs);
      });
    });
  }

  /** All images that may start are decided before. */
  async ofIndexes(pages: Pages): Promise<void> {
    await eachConcurrently(newPieces(pages, this.#indexes), PIECES_AT_ONCE, async (digests) => {
      const read = indexesOf(await this.#ports.places.indexStates(digests));
      const { indexes } = read;
      for (const digest of digests) {
        if (!indexes.has(digest)) continue;
        const children = indexes.get(digest) as readonly IndexChild[];
        const start = this.#orUnreadable(digest, () => this.#startOfIndex(children));
        // An index without images has a record of its own, like an image.
        if (!start) continue;
        this.#indexes.set(digest, start);
        for (const graced of this.#graced.values()) graced.delete(digest);
      }
      await mapConcurrently(digests, PRESENCES_AT_ONCE, async (digest) => {
        if (this.#indexes.get(digest) !== 'in-good-standing') return;
        const children = (indexes.get(digest) ?? []).map((child) => child.digest);
        await this.#grace(digest, { images: await this.#ports.images.get(children), ...read }, children);
      });
    });
  }

  all(): Pick<AllowedImages, 'allowed' | 'gracedIn' | 'unreadable'> {
    const allowed = new Set<Digest>();
    for (const [digest, start] of this.#images)
      if (start === 'anywhere' && !this.#indexes.has(digest)) allowed.add(digest);
    for (const [digest, start] of this.#indexes) if (start === 'anywhere') allowed.add(digest);
    return {
      allowed,
      gracedIn: (cluster) => this.#graced.get(clusterOf(cluster)) ?? new Map(),
      unreadable: [...this.#unreadable].sort(),
    };
  }

  /** Finds the places of the clusters in which a digest is in good standing. @param children of an index */
  async #grace(
    digest: Digest,
    records: Omit<AdmissionRecords, 'presences'>,
    children: readonly Digest[],
  ): Promise<StartOfDigest> {
    const presences = new Map<string, { readonly place: DoorPlace; readonly here: Map<Digest, Presence> }>();
    for (const one of new Set([digest, ...children]))
      for (const { place, presence } of await this.#ports.running.presencesOf(one)) {
        if (place.namespace === undefined || !this.#graced.has(clusterOf(place))) continue;
        const key = doorPlaceText(place);
        const known = presences.get(key) ?? { place, here: new Map<Digest, Presence>() };
        known.here.set(one, presence);
        presences.set(key, known);
      }
    let isGraced = false;
    this.#orUnreadable(digest, () => {
      for (const { place, here } of presences.values()) {
        const facts = admissionFactsOf(digest, { ...records, presences: here }, this.#policy);
        const grace = graceOfDigest(facts, this.#at);
        if (!grace) continue;
        if (!isInstant(grace.untilEpochMs)) throw new RangeError('it ends at no instant');
        this.#add(digest, place, grace);
        isGraced = true;
      }
      return undefined;
    });
    return isGraced ? 'in-good-standing' : 'nowhere';
  }

  /** A list has one end for each image of a cluster: the first. */
  #add(digest: Digest, { namespace = '', ...cluster }: DoorPlace, grace: GraceOfDigest): void {
    const graced = this.#graced.get(clusterOf(cluster));
    const known = graced?.get(digest);
    const { untilEpochMs, ruleId } = known && known.untilEpochMs <= grace.untilEpochMs ? known : grace;
    const namespaces = [...(known?.namespaces ?? []), namespace].sort();
    graced?.set(digest, { untilEpochMs, ruleId, namespaces });
  }

  #startOfIndex(children: readonly IndexChild[]): StartOfDigest | undefined {
    return children.length === 0 ? undefined : startOfIndex(children, (image) => this.#images.get(image) ?? 'nowhere');
  }

  /** One record that was written by hand keeps no other image from starting. */
  #orUnreadable<Start extends StartOfDigest | undefined>(digest: Digest, decide: () => Start): Start | StartOfDigest {
    try {
      return decide();
    } catch {
      this.#unreadable.add(digest);
      return 'nowhere';
    }
  }
}

/** Whether a list can say it. A record that was written by hand may hold anything. */
const isInstant = (epochMs: unknown): boolean =>
  typeof epochMs === 'number' && epochMs >= 0 && epochMs <= END_OF_TIME_EPOCH_MS;

type Pages = AsyncIterable<readonly Digest[]> | Iterable<readonly Digest[]>;

const NONE: ReadonlyMap<Digest, readonly IndexChild[]> = new Map();
const NOTHING_ELSE: Omit<AdmissionRecords, 'images'> = { indexes: NONE, presences: new Map() };

const clusterOf = ({ account, region, cluster }: Cluster): string => doorPlaceText({ account, region, cluster });

/** Digests that are not known yet, in pieces of a read. */
async function* newPieces(pages: Pages, known: ReadonlyMap<Digest, unknown>): AsyncIterable<readonly Digest[]> {
  let piece = new Set<Digest>();
  for await (const page of pages)
    for (const digest of page) {
      if (known.has(digest)) continue;
      piece.add(digest);
      if (piece.size < DIGESTS_A_PIECE) continue;
      yield [...piece];
      piece = new Set();
    }
  if (piece.size > 0) yield [...piece];
}

async function* digestsIn(pages: AsyncIterable<readonly { readonly digest: Digest }[]>): AsyncIterable<Digest[]> {
  for await (const page of pages) yield page.map(({ digest }) => digest);
}

/** The images of a cluster, one by one. @param named gets the digests in references: some are of indexes */
async function* digestsRunning(
  { usages }: Pick<AllowedImagesPorts, 'usages'>,
  cluster: Cluster,
  named: Set<Digest>,
): AsyncIterable<readonly Digest[]> {
  for await (const usage of usagesOf(usages, cluster)) {
    if (!('unreadable' in usage))
      for (const reference of referencesOf(usage)) {
        const digest = readImageReference(reference)?.digest;
        if (digest !== undefined) named.add(digest);
      }
    if (!isDigest(usage.digest)) continue;
    yield [usage.digest];
  }
}

/**
 * What runs in a cluster, also what ran when it left the fleet: of a cluster that is back, that is known until it is read again,
 * and the webhook goes by it too. That comes first: a review that reads the cluster again makes it live meanwhile.
 */
async function* usagesOf(usages: AllowedImagesPorts['usages'], { account, region, cluster }: Cluster) {
  for (const state of ['left', 'live'] as const) yield* usages.all({ account, region, eksCluster: cluster }, state);
}
