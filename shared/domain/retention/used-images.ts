import { type Digest, type ImageLocation, locationKey } from '../image/image.ts';
import { readImageReference, resolvedTag } from '../image/reference.ts';
import { referencesOf, type UnreadUsage, type Usage, workloadText } from '../image/usage.ts';
import type { ImageRecord } from '../verdict/image-record.ts';

/** An image that something runs, or that such an image is built on. */
export interface UsedImage {
  readonly digest: Digest;
  readonly use: 'running' | 'ancestor';
  /** How many running images it is or bears. */
  readonly running: number;
  /** Who runs it, or what is built on it, in words: some of them. */
  readonly workloads: readonly string[];
  /** Some reference asks for it by its own digest. */
  readonly isPinned: boolean;
  /** Tags that references into the repository ask for it by: its own, or those of indexes that hold it, or held it. */
  readonly askedTags: readonly string[];
  /** Items of the ledger that cannot be read and tell by what references something runs it; absent where there are none. */
  readonly unreadable?: readonly string[];
  /** Other digests that references into the repository ask for it by: of indexes that hold it, or held it. */
  readonly askedAs: readonly Digest[];
}

/** What is used of one repository. */
export interface UsedRepository {
  readonly location: ImageLocation;
  readonly images: readonly UsedImage[];
  /** Ids of the streams that these images are of, as the ledger knows them. */
  readonly streams: ReadonlySet<string>;
}

/** Who uses an image is told by some of its workloads; a base may have thousands. */
const MOST_WORKLOADS = 20;

interface Running {
  readonly workloads: Set<string>;
  /** Where it is pulled from, as far as references tell. */
  readonly places: Map<string, AskedPlace>;
  /** Usages of which nothing but the image is known. */
  readonly unreadable: Set<string>;
  isPinned: boolean;
}

const NOT_SEEN = (): Running => ({
  ...{ workloads: new Set(), places: new Map(), unreadable: new Set(), isPinned: false },
});

interface AskedPlace {
  readonly location: ImageLocation;
  readonly askedAs: Set<Digest>;
  readonly askedTags: Set<string>;
}

/** Gathers what is used, one usage at a time, so that they need not be held. */
export class UsedImages {
  readonly #running = new Map<Digest, Running>();

  add(usage: Usage | UnreadUsage): void {
    const { digest } = usage;
    const known = this.#running.get(digest) ?? NOT_SEEN();
    this.#running.set(digest, known);
    if ('unreadable' in usage) {
      known.unreadable.add(usage.unreadable);
      return;
    }
    if (known.workloads.size < MOST_WORKLOADS) known.workloads.add(workloadText(usage));
    for (const reference of referencesOf(usage)) addReference(known, digest, reference);
  }

  get digests(): readonly Digest[] {
    return [...this.#running.keys()];
  }

  /**
   * By repository, in no order. What runs is used where it is pulled from, or wherever it is kept where no reference
   * says so, or some reference cannot be read; what it is built on wherever that is kept.
   * @param images records of what runs and of all that it is built on
   */
  byRepository(images: ReadonlyMap<Digest, UsedRecord>): readonly UsedRepository[] {
    const repositories = new Map<string, { location: ImageLocation; images: UsedImage[]; streams: Set<string> }>();
    for (const { image, places } of [...this.#runningImages(images), ...this.#ancestors(images)]) {
      for (const location of places) {
        const repository = repositories.get(locationKey(location)) ?? { location, images: [], streams: new Set() };
        repositories.set(locationKey(location), repository);
        repository.images.push(image);
        const stream = images.get(image.digest)?.stream;
        if (stream !== undefined) repository.streams.add(stream);
      }
    }
    return [...repositories.values()];
  }

  *#runningImages(images: ReadonlyMap<Digest, UsedRecord>): Iterable<Placed> {
    for (const [digest, { workloads, places, isPinned, unreadable }] of this.#running) {
      const named = [...workloads].sort();
      const unasked = { askedTags: [], askedAs: [] };
      const image: UsedImage = {
        ...{ digest, use: 'running', running: 1, workloads: named, isPinned, ...unasked },
        ...(unreadable.size > 0 && { unreadable: [...unreadable].sort() }),
      };
      for (const { location, askedTags, askedAs } of places.values()) {
        const asked = { askedTags: [...askedTags].sort(), askedAs: [...askedAs].sort() };
        yield { image: { ...image, ...asked }, places: [location] };
      }
      const kept = images.get(digest)?.locations ?? [];
      if (places.size === 0 || unreadable.size > 0)
        yield { image, places: kept.filter((location) => !places.has(locationKey(location))) };
    }
  }

  *#ancestors(images: ReadonlyMap<Digest, UsedRecord>): Iterable<Placed> {
    const borne = new Map<Digest, { running: number; readonly workloads: Set<string> }>();
    for (const [digest, { workloads }] of this.#running) {
      for (const below of ancestors(digest, images)) {
        const known = borne.get(below) ?? { running: 0, workloads: new Set<string>() };
        borne.set(below, known);
        known.running += 1;
        for (const workload of workloads) if (known.workloads.size < MOST_WORKLOADS) known.workloads.add(workload);
      }
    }
    for (const [digest, { running, workloads }] of borne) {
      // What runs itself is told as such.
      if (this.#running.has(digest)) continue;
      const asked = { isPinned: false, askedTags: [], askedAs: [] };
      const image: UsedImage = { digest, use: 'ancestor', running, workloads: [...workloads].sort(), ...asked };
      yield { image, places: images.get(digest)?.locations ?? [] };
    }
  }
}

function addReference(known: Running, digest: Digest, reference: string): void {
  const read = readImageReference(reference);
  const pinned = read?.digest;
  known.isPinned ||= pinned === digest;
  if (!read?.location) return;
  const { location } = read;
  const place = known.places.get(locationKey(location)) ?? { location, askedAs: new Set(), askedTags: new Set() };
  known.places.set(locationKey(location), place);
  const tag = resolvedTag(read);
  if (tag !== undefined) place.askedTags.add(tag);
  if (pinned && pinned !== digest) place.askedAs.add(pinned);
}

export type UsedRecord = Pick<ImageRecord, 'locations' | 'lineage' | 'stream'>;

interface Placed {
  readonly image: UsedImage;
  readonly places: readonly ImageLocation[];
}

function* ancestors(digest: Digest, images: ReadonlyMap<Digest, UsedRecord>): Iterable<Digest> {
  const seen = new Set([digest]);
  for (let below = parentOf(digest, images); below !== undefined && !seen.has(below); below = parentOf(below, images)) {
    seen.add(below);
    yield below;
  }
}

const parentOf = (digest: Digest, images: ReadonlyMap<Digest, UsedRecord>): Digest | undefined =>
  images.get(digest)?.lineage?.parent?.digest;
