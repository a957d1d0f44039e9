import { eachConcurrently, mapConcurrently, piecesOf } from '../concurrency.ts';
import { admissionFactsOf } from '../domain/admission/admission-facts.ts';
import { type GraceOfDigest, type StartOfDigest, startOfDigest } from '../domain/admission/admit.ts';
import { startOfIndex } from '../domain/admission/listed-indexes.ts';
import { DAY_MS, HOUR_MS } from '../domain/common/time.ts';
import { type Digest, type IndexChild, isDigest } from '../domain/image/image.ts';
import { readImageReference } from '../domain/image/reference.ts';
import { type Cluster, referencesOf } from '../domain/image/usage.ts';
import { doorPlaceOf } from '../domain/policy/doors.ts';
import type { Policy } from '../domain/policy/policy.ts';
import type { Clock } from '../ports/clock.ts';
import type { ImageIndex, ImageLedger, PlaceLedger, RecordedIndexes, UsageLedger } from '../ports/ledger.ts';

export interface AllowedImagesPorts {
  readonly images: Pick<ImageLedger, 'get'>;
  readonly imageIndex: Pick<ImageIndex, 'bornBefore' | 'scannedSince'>;
  readonly places: Pick<PlaceLedger, 'indexes'>;
  readonly recordedIndexes: RecordedIndexes;
  readonly usages: Pick<UsageLedger, 'all'>;
  readonly clock: Clock;
}

/** The images and indexes that may start, for lists of doors that cannot ask Patchwave. */
export interface AllowedImages {
  /** When the reading began: what the ledger has learned since may be missing. */
  readonly readAtEpochMs: number;
  /** They may start everywhere. */
  readonly allowed: ReadonlySet<Digest>;
  /** They may start where they run already (`runningIn`), with a warning. */
  readonly graced: ReadonlyMap<Digest, GraceOfDigest>;
  /** Their records cannot be judged, so they may not start. Sorted. */
  readonly unreadable: readonly Digest[];
  /**
   * Reads in which namespaces of an EKS cluster the images of `graced` run; sorted, and without those that run nowhere there.
   * An index runs where it or one of its images does.
   */
  runningIn(cluster: Cluster): Promise<ReadonlyMap<Digest, readonly string[]>>;
}

/** Most records take a few kilobytes, and one with thousands of findings takes a megabyte. */
const DIGESTS_A_PIECE = 100;
const PIECES_AT_ONCE = 4;
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
  policy: Policy,
  clusters: readonly Cluster[],
  readAtEpochMs = ports.clock(),
): Promise<AllowedImages> {
  const starts = new KnownStarts(ports, policy, readAtEpochMs);
  const { imageIndex, recordedIndexes } = ports;
  const scanned = () => imageIndex.scannedSince(readAtEpochMs - policy.staleScanHours * HOUR_MS);
  const aged = () => digestsIn(imageIndex.bornBefore(END_OF_TIME_EPOCH_MS));
  // Meanwhile an image may move from each list to the other, or to a place of its list that was read before. While an index
  // moves it, it may be at no place. So both lists are read twice, and only the keys cost anything then.
  await starts.ofImages(scanned());
  await starts.ofImages(aged());
  await starts.ofImages(scanned());
  await starts.ofImages(aged());
  const used: UsedDigests = { running: new Set(), named: new Set() };
  await mapConcurrently(clusters, CLUSTERS_AT_ONCE, (cluster) => starts.ofImages(digestsRunning(ports, cluster, used)));
  // An index is recorded after each of its images was built.
  const sinceEpochMs = Math.max(0, Math.min(readAtEpochMs, starts.oldestEpochMs) - CLOCK_DIFFERENCE_MS);
  await starts.ofIndexes(recordedIndexes.recordedSince(sinceEpochMs), used.running);
  await starts.ofIndexes([[...used.named]], used.running);
  const { allowed, graced, unreadable } = starts.all();
  return {
    ...{ readAtEpochMs, allowed, graced, unreadable },
    runningIn: (cluster) => runningIn(ports, cluster, graced, (index) => starts.imagesOf(index)),
  };
}

/** Where digests may start, as far as it is decided. */
class KnownStarts {
  readonly #ports: Pick<AllowedImagesPorts, 'images' | 'places'>;
  readonly #policy: Policy;
  readonly #nowEpochMs: number;
  /** An index may hold another one, which is no image: so they are kept apart. */
  readonly #images = new Map<Digest, StartOfDigest>();
  readonly #indexes = new Map<Digest, StartOfDigest>();
  /** Of indexes with grace. */
  readonly #imagesOf = new Map<Digest, readonly Digest[]>();
  readonly #unreadable = new Set<Digest>();
  /**
   * When the oldest image that may start was built; 0 if that is not known of one. A waiver, or a rebuild that made the same
   * content, may let an image start that is older than every age limit.
   */
  oldestEpochMs = Number.POSITIVE_INFINITY;

  constructor(ports: Pick<AllowedImagesPorts, 'images' | 'places'>, policy: Policy, nowEpochMs: number) {
    this.#ports = ports;
    this.#policy = policy;
    this.#nowEpochMs = nowEpochMs;
  }

  async ofImages(pages: Pages): Promise<void> {
    await eachConcurrently(newPieces(pages, this.#images), PIECES_AT_ONCE, async (digests) => {
      const records = { images: await this.#ports.images.get(digests), indexes: NONE, running: NOTHING_RUNS };
      for (const digest of digests) {
        const start = this.#orUnreadable(digest, () => {
          const { images } = admissionFactsOf(digest, records, this.#policy);
          return startOfDigest(images, this.#policy, this.#nowEpochMs);
        });
        this.#images.set(digest, start);
        if (start.start === 'nowhere') continue;
        const birth = records.images.get(digest)?.birth;
        this.oldestEpochMs = Math.min(
          this.oldestEpochMs,
          birth?.known && isInstant(birth.bornAtEpochMs) ? birth.bornAtEpochMs : 0,
        );
      }
    });
  }

  /**
   * All images that may start by themselves are decided before. Where one image of an index runs, the others have grace too,
   * although nothing runs them.
   */
  async ofIndexes(pages: Pages, running: ReadonlySet<Digest>): Promise<void> {
    await eachConcurrently(newPieces(pages, this.#indexes), PIECES_AT_ONCE, async (digests) => {
      const indexes = await this.#ports.places.indexes(digests);
      await this.ofImages(piecesOf(besideRunning(indexes, running), DIGESTS_A_PIECE));
      for (const digest of digests) {
        if (!indexes.has(digest)) continue;
        const children = indexes.get(digest) as readonly IndexChild[];
        const start = this.#orUnreadable(digest, () => this.#startOfIndex(children));
        // An index without images has a record of its own, like an image.
        if (start) this.#indexes.set(digest, start);
        if (start?.start === 'where-it-runs')
          this.#imagesOf.set(
            digest,
            children.map((child) => child.digest),
          );
      }
    });
  }

  imagesOf(index: Digest): readonly Digest[] {
    return this.#imagesOf.get(index) ?? [];
  }

  all(): Pick<AllowedImages, 'allowed' | 'graced' | 'unreadable'> {
    const allowed = new Set<Digest>();
    const graced = new Map<Digest, GraceOfDigest>();
    const add = (digest: Digest, start: StartOfDigest): void => {
      if (start.start === 'anywhere') allowed.add(digest);
      if (start.start === 'where-it-runs')
        graced.set(digest, { untilEpochMs: start.untilEpochMs, ruleId: start.ruleId });
    };
    for (const [digest, start] of this.#images) if (!this.#indexes.has(digest)) add(digest, start);
    for (const [digest, start] of this.#indexes) add(digest, start);
    return { allowed, graced, unreadable: [...this.#unreadable].sort() };
  }

  #startOfIndex(children: readonly IndexChild[]): StartOfDigest | undefined {
    return children.length === 0
      ? undefined
      : startOfIndex(children, (image) => this.#images.get(image) ?? { start: 'nowhere' });
  }

  /** One record that was written by hand keeps no other image from starting. */
  #orUnreadable<Start extends StartOfDigest | undefined>(digest: Digest, decide: () => Start): Start | StartOfDigest {
    try {
      const start = decide();
      if (start?.start === 'where-it-runs' && !isInstant(start.untilEpochMs))
        throw new RangeError('it ends at no instant');
      return start;
    } catch {
      this.#unreadable.add(digest);
      return { start: 'nowhere' };
    }
  }
}

/** Whether a list can say it. A record that was written by hand may hold anything. */
const isInstant = (epochMs: unknown): boolean =>
  typeof epochMs === 'number' && epochMs >= 0 && epochMs <= END_OF_TIME_EPOCH_MS;

/** The images of those indexes of which one runs. */
const besideRunning = (
  indexes: ReadonlyMap<Digest, readonly IndexChild[]>,
  running: ReadonlySet<Digest>,
): readonly Digest[] =>
  [...indexes].flatMap(([index, children]) => {
    const images = Array.isArray(children) ? children.flatMap((child: IndexChild | null) => child?.digest ?? []) : [];
    return [index, ...images].some((digest) => running.has(digest)) ? images : [];
  });

/** What the workloads of clusters use. */
interface UsedDigests {
  /** Of the images that run. */
  readonly running: Set<Digest>;
  /** In references: some are of indexes. */
  readonly named: Set<Digest>;
}

type Pages = AsyncIterable<readonly Digest[]> | Iterable<readonly Digest[]>;

const NONE: ReadonlyMap<Digest, readonly IndexChild[]> = new Map();
const NOTHING_RUNS: ReadonlySet<Digest> = new Set();

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

/** The images of a cluster, one by one. @param used gets what its workloads use */
async function* digestsRunning(
  { usages }: Pick<AllowedImagesPorts, 'usages'>,
  cluster: Cluster,
  used: UsedDigests,
): AsyncIterable<readonly Digest[]> {
  for await (const usage of usagesOf(usages, cluster)) {
    if (!('unreadable' in usage))
      for (const reference of referencesOf(usage)) {
        const digest = readImageReference(reference)?.digest;
        if (digest !== undefined) used.named.add(digest);
      }
    if (!isDigest(usage.digest)) continue;
    used.running.add(usage.digest);
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

async function runningIn(
  { usages }: Pick<AllowedImagesPorts, 'usages'>,
  cluster: Cluster,
  graced: ReadonlyMap<Digest, GraceOfDigest>,
  imagesOf: (index: Digest) => readonly Digest[],
): Promise<ReadonlyMap<Digest, readonly string[]>> {
  /** By each digest that may run: the digests that have grace where it does. */
  const through = new Map<Digest, Digest[]>();
  for (const digest of graced.keys())
    for (const one of new Set([digest, ...imagesOf(digest)])) {
      const known = through.get(one);
      if (known) known.push(digest);
      else through.set(one, [digest]);
    }
  const running = new Map<Digest, Set<string>>();
  for await (const usage of usagesOf(usages, cluster)) {
    if ('unreadable' in usage) continue;
    const { namespace } = doorPlaceOf(usage);
    if (namespace === undefined) continue;
    for (const digest of through.get(usage.digest) ?? []) {
      const known = running.get(digest);
      if (known) known.add(namespace);
      else running.set(digest, new Set([namespace]));
    }
  }
  return new Map([...running].map(([digest, namespaces]) => [digest, [...namespaces].sort()]));
}
