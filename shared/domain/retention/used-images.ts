import { type Digest, type ImageLocation, locationKey } from '../image/image.ts';
import { readImageReference, resolvedTag } from '../image/reference.ts';
import { referencesOf, type UnreadUsage, type Usage, workloadText } from '../image/usage.ts';
import type { ImageRecord } from '../verdict/image-record.ts';

/** A running image or an ancestor of one. */
export interface UsedImage {
  readonly digest: Digest;
  readonly use: 'running' | 'ancestor';
  /** The number of running images among it and its descendants. */
  readonly running: number;
  /** Some of its workloads or descendants, as text. */
  readonly workloads: readonly string[];
  /** A reference names its own digest. */
  readonly isPinned: boolean;
  /**
   * Tags by which references into the repository name it: its own, or those of indexes that contain or contained it.
   */
  readonly askedTags: readonly string[];
  /** Unreadable ledger items with references to it; absent if there are none. */
  readonly unreadable?: readonly string[];
  /** Other digests by which references into the repository name it: those of indexes that contain or contained it. */
  readonly askedAs: readonly Digest[];
}

/** The images in use of one repository. */
export interface UsedRepository {
  readonly location: ImageLocation;
  readonly images: readonly UsedImage[];
  /** The ids of the streams of these images in the ledger. */
  readonly streams: ReadonlySet<string>;
}

/** Only some workloads of an image are named, because a base may have thousands. */
const MOST_WORKLOADS = 20;

interface Running {
  readonly workloads: Set<string>;
  /** The repositories that references pull it from. */
  readonly places: Map<string, AskedPlace>;
  /** Usages with only a known image. */
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

/** Collects the images in use, one usage at a time, to bound memory. */
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
   * By repository, unsorted. A running image is in use where references pull it from; without a readable reference, at
   * all its places. An ancestor is in use at all its places.
   * @param images records of running images and all their ancestors
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
      // A running image counts as running, also if it is an ancestor.
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
