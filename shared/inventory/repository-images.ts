import { mapConcurrently, piecesOf } from '../concurrency.ts';
import { compareTexts } from '../domain/common/compare-texts.ts';
import { type Digest, type ImageLocation, INDEX_TYPES, type IndexChild, type Platform } from '../domain/image/image.ts';
import { contentOf } from '../domain/lineage/image-content.ts';
import type { Policy } from '../domain/policy/policy.ts';
import type { ImageRecord } from '../domain/verdict/image-record.ts';
import type { ContentLedger } from '../ports/ledger.ts';
import {
  type ArtifactPorts,
  type Artifacts,
  countMissing,
  IMAGES_A_PIECE,
  isResolved,
  isTimeOver,
  leftUnread,
  nestedIndex,
  readArtifacts,
} from './artifacts.ts';
import { type ContentFacts, contentFacts, EMPTY_INDEX, knownContent, unresolvedContent } from './facts.ts';
import { rewriteOlder } from './older-contents.ts';
import { type ImageSeen, type RecordPorts, recordImage } from './record-image.ts';

const WRITES_AT_ONCE = 16;

/** Records of known images that memory holds at once; a record with its verdict has some kilobytes. */
const KNOWN_A_PIECE = 500;

export interface ImagesPorts extends RecordPorts, ArtifactPorts {
  readonly contents: ContentLedger;
}

/** Images of one repository that are to be known. */
export interface WantedImages {
  readonly location: ImageLocation;
  /** The tags of each digest; of an index too. */
  readonly tags: ReadonlyMap<Digest, ReadonlySet<string>>;
  /** When the digests were pushed, as the registry lists them. */
  readonly pushes: ReadonlyMap<Digest, number | undefined>;
  /** When digests were pushed, as events tell: the event of an earlier push may come late, or never. */
  readonly pushesOfEvents: ReadonlyMap<Digest, number>;
  /** As the registry lists them; of a digest that it did not list nobody knows whether it is an index. */
  readonly mediaTypes: ReadonlyMap<Digest, string>;
  /** Digests that run. */
  readonly inUse: ReadonlySet<Digest>;
}

/**
 * Is called with the layers of images that the ledger did not know, lowest layer first, before these count as known: what
 * they are built on can be read first.
 */
export type BeforeRecording = (fresh: readonly (readonly Digest[])[]) => Promise<void>;

export interface ImagesHooks {
  readonly before: BeforeRecording;
  /** Is called with digests before anything is recorded of them. */
  readonly place?: (digests: readonly Digest[]) => Promise<void>;
}

/**
 * Reads images of one repository and records them piece by piece, so memory holds one piece, and another attempt finds
 * in the ledger what this one has recorded: it downloads no config of it again. It stops before `endsAtEpochMs`; a
 * download that has begun by then is recorded.
 *
 * Indexes come first: the tags of an index are tags of its images, because that is how a build names them. Images in use
 * come next, then the newest ones.
 */
export class RepositoryImages {
  /** Children of each index that was found. */
  readonly indexes = new Map<Digest, readonly IndexChild[]>();
  /** What images run on, as far as they were read. */
  readonly platforms = new Map<Digest, Platform>();
  readonly #ports: ImagesPorts;
  readonly #policy: Policy;
  readonly #wanted: WantedImages;
  readonly #hooks: ImagesHooks;
  readonly #recorded = new Set<Digest>();
  readonly #inherited = new Map<Digest, Set<string>>();
  readonly #childPlatforms = new Map<Digest, Platform>();
  /** Indexes that do not count as known yet: an image of theirs is not recorded. */
  readonly #open = new Set<Digest>();
  readonly #missing: Artifacts['missing'][number][] = [];
  #emptyIndexes = 0;

  constructor(ports: ImagesPorts, policy: Policy, wanted: WantedImages, hooks: ImagesHooks) {
    this.#ports = ports;
    this.#policy = policy;
    this.#wanted = wanted;
    this.#hooks = hooks;
  }

  /** Images that are recorded, and what was taken for one. */
  get read(): number {
    return this.#recorded.size + this.#emptyIndexes;
  }

  /** How many images the registry does not have, or could not be read this time. */
  get missing(): number {
    return countMissing(this.#missing);
  }

  /** Images that are there and could not be read this time, in words. */
  get leftUnread(): string | undefined {
    return leftUnread(this.#missing);
  }

  /** How many images were not read because the time was over; an index that was not read may hold more. */
  get left(): number {
    return this.#digests().filter((digest) => !this.#isDone(digest)).length;
  }

  /** @throws RegistryUnreachableError, LedgerContendedError */
  async readAll(): Promise<void> {
    const asked = [...this.#wanted.tags.keys()].sort();
    for (const [digest, children] of await this.#ports.places.indexes(asked)) this.#addIndex(digest, children);
    await this.#record(this.#emptyAmong(this.indexes), new Map());
    await this.#readEach(asked.filter((digest) => !this.indexes.has(digest)));
    const below = this.#digests().filter((digest) => !this.#wanted.tags.has(digest));
    await this.#readBelow(below);
    // Where an index is inside another one, both may have been waiting for each other's images.
    await this.#closeIndexes();
  }

  #digests(): Digest[] {
    const children = [...this.indexes.values()].flat().map(({ digest }) => digest);
    return [...new Set([...this.#wanted.tags.keys(), ...children])];
  }

  #isDone(digest: Digest): boolean {
    return this.#recorded.has(digest) || this.indexes.has(digest);
  }

  /** Images of indexes that nobody asked for by themselves. */
  async #readBelow(below: readonly Digest[]): Promise<void> {
    const nested = await this.#ports.places.indexes(below);
    await this.#recordMissing([...nested.keys()].map(nestedIndex));
    await this.#readEach(
      below.filter((digest) => !nested.has(digest)),
      { isBelow: true },
    );
  }

  async #readEach(digests: readonly Digest[], { isBelow = false } = {}): Promise<void> {
    const unknown: Digest[] = [];
    for (const piece of piecesOf(digests, KNOWN_A_PIECE)) {
      if (isTimeOver(this.#ports)) return;
      const records = await this.#ports.images.get(piece);
      const known = new Map([...records].filter(([, record]) => isResolved(record)));
      await this.#recordKnown(known);
      unknown.push(...piece.filter((digest) => !known.has(digest)));
    }
    for (const piece of piecesOf(this.#inOrder(unknown), IMAGES_A_PIECE)) {
      if (isTimeOver(this.#ports)) return;
      const read = await readArtifacts(this.#ports, this.#wanted.location, piece);
      await this.#recordPiece(isBelow ? withoutIndexes(read) : read);
    }
  }

  #inOrder(digests: readonly Digest[]): readonly Digest[] {
    const { mediaTypes, inUse, pushes } = this.#wanted;
    const rank = (digest: Digest): number => {
      const mediaType = mediaTypes.get(digest);
      if (mediaType !== undefined && INDEX_TYPES.includes(mediaType)) return 0;
      return mediaType === undefined || inUse.has(digest) ? 1 : 2;
    };
    return digests.toSorted(
      (one, other) =>
        rank(one) - rank(other) || (pushes.get(other) ?? 0) - (pushes.get(one) ?? 0) || compareTexts(one, other),
    );
  }

  async #recordKnown(known: ReadonlyMap<Digest, ImageRecord>): Promise<void> {
    if (known.size === 0) return;
    const unpacked = await rewriteOlder(this.#ports.contents, known.values());
    const contents = [...known.values()].map((image) => {
      const unpackedId = unpacked.get(image.digest);
      const completed = unpackedId === undefined ? image : { ...image, unpackedId };
      return knownContent(completed, this.#pushOf(image.digest, image), this.#ports.clock());
    });
    await this.#record(contents, known);
  }

  /**
   * The push that says how old an image is. One that an event tells, of an image that was known before though not how old it
   * was, may be the second one: it makes nothing younger.
   */
  #pushOf(digest: Digest, known?: ImageRecord): number | undefined {
    const { pushes, pushesOfEvents } = this.#wanted;
    if (pushes.has(digest)) return pushes.get(digest);
    return known?.birth.known === false ? undefined : pushesOfEvents.get(digest);
  }

  async #recordPiece({ fresh, missing, indexes }: Artifacts): Promise<void> {
    const { contents, images, clock } = this.#ports;
    const renamed = new Set<Digest>();
    for (const [digest, children] of indexes) {
      this.#addIndex(digest, children);
      this.#open.add(digest);
      for (const child of children) if (this.#recorded.has(child.digest)) renamed.add(child.digest);
    }
    // An image that is known is not read again: it counts as known only once its content is.
    await contents.record(fresh.map(({ artifact, config }) => contentOf(artifact, config)));
    if (fresh.length > 0) await this.#hooks.before(fresh.map(({ artifact }) => artifact.layers));
    const made = fresh.map(({ artifact, config }) => {
      const firstPushSeenAtEpochMs = this.#pushOf(artifact.digest);
      const push = firstPushSeenAtEpochMs !== undefined && { firstPushSeenAtEpochMs };
      return contentFacts({ artifact, ...(config && { config }), ...push }, clock());
    });
    await this.#record([...made, ...this.#emptyAmong(indexes)], new Map());
    await this.#recordMissing(missing);
    // They were recorded before anybody knew that a tag of this index is theirs.
    if (renamed.size > 0) await this.#recordKnown(await images.get([...renamed]));
    await this.#closeIndexes();
  }

  async #recordMissing(missing: Artifacts['missing']): Promise<void> {
    this.#missing.push(...missing);
    const contents = missing.map(({ digest, code, detail }) =>
      unresolvedContent(digest, { code: ownCode(code), detail }, this.#childPlatforms.get(digest)),
    );
    await this.#record(contents, new Map());
  }

  async #record(contents: readonly ContentFacts[], known: ReadonlyMap<Digest, ImageRecord>): Promise<void> {
    if (contents.length === 0) return;
    await this.#hooks.place?.(contents.map(({ digest }) => digest));
    await mapConcurrently(contents, WRITES_AT_ONCE, (content) =>
      recordImage(this.#ports, this.#policy, this.#imageSeenOf(content), known.get(content.digest)),
    );
    for (const { digest, platform } of contents) {
      if (platform !== undefined) this.platforms.set(digest, platform);
      if (this.indexes.has(digest)) this.#emptyIndexes += 1;
      else this.#recorded.add(digest);
    }
  }

  #imageSeenOf(content: ContentFacts): ImageSeen {
    const own = this.#wanted.tags.get(content.digest) ?? [];
    const tags = new Set([...own, ...(this.#inherited.get(content.digest) ?? [])]);
    return { content, place: { location: this.#wanted.location, tags: [...tags].sort() } };
  }

  #addIndex(digest: Digest, children: readonly IndexChild[]): void {
    this.indexes.set(digest, children);
    const tags = this.#wanted.tags.get(digest) ?? [];
    for (const child of children) {
      this.#inherited.set(child.digest, new Set([...(this.#inherited.get(child.digest) ?? []), ...tags]));
      // An image has the platform that its index says, though its own manifest was not found.
      if (!this.#childPlatforms.has(child.digest)) this.#childPlatforms.set(child.digest, child.platform);
    }
  }

  /** Facts come from here, where all tags that an index ran by are known: of two scopes that run it, each knows its own. */
  #emptyAmong(indexes: ReadonlyMap<Digest, readonly IndexChild[]>): ContentFacts[] {
    return [...indexes].flatMap(([digest, children]) =>
      children.length === 0 && this.#wanted.inUse.has(digest) ? [unresolvedContent(digest, EMPTY_INDEX)] : [],
    );
  }

  /** An index that is known is not read again: it counts as known only once its images are. */
  async #closeIndexes(): Promise<void> {
    const closed = [...this.#open].filter((index) =>
      (this.indexes.get(index) ?? []).every(({ digest }) => this.#isDone(digest)),
    );
    await mapConcurrently(closed, WRITES_AT_ONCE, (digest) =>
      this.#ports.places.recordIndex(digest, this.indexes.get(digest) ?? []),
    );
    for (const digest of closed) this.#open.delete(digest);
  }
}

/** What images of an index turn out to be, where they are none. */
const withoutIndexes = ({ indexes, ...read }: Artifacts): Artifacts => ({
  ...read,
  indexes: new Map(),
  missing: [...read.missing, ...[...indexes.keys()].map(nestedIndex)],
});

/** `ImageNotFound`, as ECR writes its codes, becomes `image-not-found`, as we write ours. */
const ownCode = (code: string): string =>
  code
    .replace(/(?:Exception)$/, '')
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .toLowerCase();
