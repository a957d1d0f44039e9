import { mapConcurrently, piecesOf } from '../concurrency.ts';
import { compareTexts } from '../domain/common/compare-texts.ts';
import { isDated } from '../domain/image/birth.ts';
import {
  type Digest,
  type ImageLocation,
  INDEX_TYPES,
  type IndexChild,
  locationKey,
  type Platform,
} from '../domain/image/image.ts';
import { TOO_LARGE, TOO_LARGE_TO_KEEP } from '../domain/image/image-properties.ts';
import { contentOf, type ImageContent, layersOf } from '../domain/lineage/image-content.ts';
import type { Policy } from '../domain/policy/policy.ts';
import { parseStreamId, streamRulesOf } from '../domain/stream/stream.ts';
import type { ImageRecord } from '../domain/verdict/image-record.ts';
import { LedgerItemsRefusedError } from '../ports/errors.ts';
import type { ContentLedger } from '../ports/ledger.ts';
import type { Provenance } from '../ports/provenance.ts';
import {
  type ArtifactPorts,
  type Artifacts,
  countMissing,
  IMAGES_A_PIECE,
  isResolved,
  isShown,
  isTimeOver,
  isUnusable,
  leftUnread,
  nestedIndex,
  readArtifacts,
} from './artifacts.ts';
import { type ComparedTags, unmovedTagsOf } from './compared-tags.ts';
import {
  type ContentProperties,
  contentProperties,
  EMPTY_INDEX,
  knownContent,
  type PushesSeen,
  unresolvedContent,
  withBuildEnd,
} from './content-properties.ts';
import { readOlderConfigs } from './older-configs.ts';
import { rewriteOlder } from './older-contents.ts';
import { readOlderSystems, readSystems } from './read-systems.ts';
import { contentPropertiesOf, firstPushOf, type ImageSeen, type RecordPorts, recordImage } from './record-image.ts';

const WRITES_AT_ONCE = 16;

/** The number of known records in memory at once; a record with its verdict takes some kilobytes. */
const KNOWN_A_PIECE = 500;

export interface ImagesPorts extends RecordPorts, ArtifactPorts {
  readonly registry: RecordPorts['registry'] & ArtifactPorts['registry'];
  readonly contents: ContentLedger;
}

/** Images of one repository to make known. */
export interface WantedImages {
  readonly location: ImageLocation;
  /** The tags of each digest; of an index too. */
  readonly tags: ReadonlyMap<Digest, ReadonlySet<string>>;
  /** When the digests were pushed, as the registry lists them. */
  readonly pushes: ReadonlyMap<Digest, number | undefined>;
  /** When digests were pushed, from events: the event of an earlier push may come late or never. */
  readonly pushesOfEvents: ReadonlyMap<Digest, number>;
  /** From the registry listing; whether an unlisted digest is an index is unknown. */
  readonly mediaTypes: ReadonlyMap<Digest, string>;
  /** Requested digests that the list of the registry lacks: the registry is asked for each, also if it is known elsewhere. */
  readonly unconfirmed: ReadonlySet<Digest>;
  /** All tags that the registry lists; absent if it was not listed, or the policy judges no tags there. */
  readonly compared?: ComparedTags;
  /** Digests that run. */
  readonly inUse: ReadonlySet<Digest>;
}

/**
 * Called with the layers of new images, lowest layer first, before these count as known, so that their parents can be
 * read first.
 */
export type BeforeRecording = (newlyRead: readonly (readonly Digest[])[]) => Promise<void>;

export interface ImagesHooks {
  readonly before: BeforeRecording;
  /** Called with digests before anything about them is recorded. */
  readonly place?: (digests: readonly Digest[]) => Promise<void>;
}

/**
 * Reads images of one repository and records them piece by piece. Memory holds one piece, and another attempt finds the
 * recorded images in the ledger and downloads no config again. Stops before `endsAtEpochMs`; a started download is
 * recorded.
 * Indexes come first, because the tags of an index are also tags of its images. Images in use come next, then the
 * newest ones.
 */
export class RepositoryImages {
  /** The children of each index found. */
  readonly indexes = new Map<Digest, readonly IndexChild[]>();
  /** The platforms of the images read so far. */
  readonly platforms = new Map<Digest, Platform>();
  readonly #ports: ImagesPorts;
  readonly #policy: Policy;
  readonly #wanted: WantedImages;
  readonly #hooks: ImagesHooks;
  readonly #recorded = new Set<Digest>();
  /** Unconfirmed digests that the registry does not show, and images whose record the ledger refuses. */
  readonly #absent = new Set<Digest>();
  readonly #inherited = new Map<Digest, Set<string>>();
  readonly #childPlatforms = new Map<Digest, Platform>();
  /** By image: the indexes here that hold it. */
  readonly #within = new Map<Digest, Set<Digest>>();
  /** By image: the first known push of an index that holds it. */
  readonly #indexPushes = new Map<Digest, number>();
  /** By image its attestation, from indexes that were read now, and from those whose provenance was not read before. */
  readonly #attestations = new Map<Digest, Digest>();
  /** Images that need the provenance beside them. */
  readonly #unproven = new Set<Digest>();
  /** Indexes that are not known yet, because one of their images is not recorded. */
  readonly #open = new Set<Digest>();
  /** Indexes that the ledger has with other images than this version sees. */
  readonly #outdated = new Map<Digest, readonly IndexChild[]>();
  /** Digests that the ledger has, and no review could read. */
  readonly #unresolved = new Set<Digest>();
  /** Those of them that were there before their first known push, which may be that of a copy. */
  readonly #undated = new Set<Digest>();
  /** Images of indexes that were not known before. */
  readonly #ofNewIndexes = new Set<Digest>();
  readonly #missing: Artifacts['missing'][number][] = [];
  #emptyIndexes = 0;

  constructor(ports: ImagesPorts, policy: Policy, wanted: WantedImages, hooks: ImagesHooks) {
    this.#ports = ports;
    this.#policy = policy;
    this.#wanted = wanted;
    this.#hooks = hooks;
  }

  /** Recorded images, and digests mistaken for images. */
  get read(): number {
    return this.#recorded.size + this.#emptyIndexes;
  }

  /** The number of images that the registry does not have or that could not be read this time. */
  get missing(): number {
    return countMissing(this.#missing);
  }

  /** Existing images that could not be read this time, as text. */
  get leftUnread(): string | undefined {
    return leftUnread(this.#missing);
  }

  /** The number of images left when the time ended; an unread index may have more. */
  get left(): number {
    return this.#digests().filter((digest) => !this.#isDone(digest)).length;
  }

  /** @throws RegistryUnreachableError, LedgerContendedError */
  async readAll(): Promise<void> {
    const asked = [...this.#wanted.tags.keys()].sort();
    for (const [digest, index] of await this.#ports.places.indexStates(asked)) {
      const { children, isOutdated } = index;
      if (isOutdated) this.#outdated.set(digest, children);
      if (isOutdated || this.#wanted.unconfirmed.has(digest)) continue;
      this.#addIndex(digest, children);
      if (children.some(({ attestation }) => attestation !== undefined)) this.#open.add(digest);
    }
    await this.#record(this.#emptyAmong(this.indexes), new Map());
    await this.#readEach(asked.filter((digest) => !this.indexes.has(digest)));
    const below = this.#digests().filter((digest) => !this.#wanted.tags.has(digest));
    await this.#readBelow(below);
    // With an index inside another one, both may have waited for each other's images.
    await this.#closeIndexes();
  }

  #digests(): Digest[] {
    const children = [...this.indexes.values()].flat().map(({ digest }) => digest);
    return [...new Set([...this.#wanted.tags.keys(), ...children])];
  }

  #isDone(digest: Digest): boolean {
    return this.#recorded.has(digest) || this.#absent.has(digest) || this.indexes.has(digest);
  }

  /** Images of indexes that were not requested themselves. */
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
      const records = await this.#ports.images.get(piece.filter((digest) => !this.#wanted.unconfirmed.has(digest)));
      const known = new Map([...records].filter(([, record]) => isResolved(record)));
      for (const digest of records.keys()) if (!known.has(digest)) this.#unresolved.add(digest);
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
    const configs = await readOlderConfigs(this.#ports, this.#policy, this.#wanted.location, known.values());
    const systems = await readOlderSystems(this.#ports, this.#policy, this.#wanted.location, known.values());
    for (const image of known.values()) if (this.#isUnproven(image)) this.#unproven.add(image.digest);
    const contents = [...known.values()].map((image) => {
      const unpackedId = unpacked.get(image.digest);
      const configFacts = configs.get(image.digest);
      const system = systems.get(image.digest);
      const completed = {
        ...image,
        ...(unpackedId !== undefined && { unpackedId }),
        ...(configFacts && { configFacts }),
        ...(system && { system }),
      };
      return knownContent(completed, this.#pushesOf(image.digest, image), this.#ports.clock());
    });
    await this.#record(contents, known);
  }

  /**
   * The push that dates an image. For an image known before without its age, a push from an event may be the second
   * one, so it makes nothing younger.
   */
  #pushOf(digest: Digest, known?: ImageRecord): number | undefined {
    const { pushes, pushesOfEvents } = this.#wanted;
    if (pushes.has(digest)) return pushes.get(digest);
    if (this.#undated.has(digest)) return undefined;
    return known?.birth.known === false ? undefined : pushesOfEvents.get(digest);
  }

  async #checkPush(digest: Digest): Promise<void> {
    if (!this.#unresolved.has(digest)) return;
    if (firstPushOf(await this.#ports.places.locations(digest)) === undefined) this.#undated.add(digest);
  }

  #pushesOf(digest: Digest, known?: ImageRecord): PushesSeen {
    const firstPushSeenAtEpochMs = this.#pushOf(digest, known);
    const indexPushSeenAtEpochMs = this.#indexPushes.get(digest);
    return {
      ...(firstPushSeenAtEpochMs !== undefined && { firstPushSeenAtEpochMs }),
      ...(indexPushSeenAtEpochMs !== undefined && { indexPushSeenAtEpochMs }),
    };
  }

  async #recordPiece({ newlyRead, missing, indexes }: Artifacts): Promise<void> {
    const { images, clock } = this.#ports;
    const renamed = new Set<Digest>();
    for (const [digest, children] of indexes) {
      this.#addIndex(digest, children);
      this.#open.add(digest);
      for (const child of children) this.#ofNewIndexes.add(child.digest);
      for (const child of children) if (this.#recorded.has(child.digest)) renamed.add(child.digest);
    }
    // A known image is not read again, so it counts as known only after its content is written.
    const tooLarge = await this.#recordContents(newlyRead.map(({ artifact, config }) => contentOf(artifact, config)));
    if (newlyRead.length > 0) await this.#hooks.before(newlyRead.map(({ artifact }) => artifact.layers));
    await mapConcurrently(newlyRead, WRITES_AT_ONCE, ({ artifact }) => this.#checkPush(artifact.digest));
    const layered = newlyRead.map(({ artifact, config }) => ({ ...artifact, platform: config?.platform }));
    const systems = await readSystems(this.#ports, this.#policy, this.#wanted.location, layered);
    const made = newlyRead.map(({ artifact, config }) => {
      const pushes = this.#pushesOf(artifact.digest);
      const system = systems.get(artifact.digest);
      const content = { artifact, ...(config && { config }), pushes, ...(system && { system }) };
      const properties = contentProperties(content, clock());
      return tooLarge.has(artifact.digest) ? { ...properties, unresolved: TOO_LARGE } : properties;
    });
    for (const content of made) if (this.#isUnproven(content)) this.#unproven.add(content.digest);
    await this.#record([...made, ...this.#emptyAmong(indexes)], new Map());
    await this.#recordMissing(await this.#withoutOutdated(missing));
    // They were recorded before this index gave them its tag.
    if (renamed.size > 0) await this.#recordKnown(await images.get([...renamed]));
    await this.#closeIndexes();
  }

  /** Of a content that the ledger refuses, it keeps the layers. @returns the images of these contents */
  async #recordContents(contents: readonly ImageContent[]): Promise<ReadonlySet<Digest>> {
    const ledger = this.#ports.contents;
    const refused = new Set(await ledger.record(contents));
    const layers = contents.filter(({ digest }) => refused.has(digest)).map(layersOf);
    if (layers.length > 0) await ledger.record(layers);
    return refused;
  }

  /** What the ledger has of an index counts until its registry shows it again, or shows that it cannot be followed. */
  async #withoutOutdated(missing: Artifacts['missing']): Promise<Artifacts['missing']> {
    const { places, clock } = this.#ports;
    const others: Artifacts['missing'][number][] = [];
    for (const one of missing) {
      const children = this.#outdated.get(one.digest);
      if (children && this.#wanted.unconfirmed.has(one.digest) && !isShown(one)) {
        this.#absent.add(one.digest);
        continue;
      }
      const isKept = children !== undefined && children.length > 0 && !isUnusable(one);
      if (isKept) {
        this.#missing.push(one);
        this.#addIndex(one.digest, children);
      } else others.push(one);
      if (children && !isKept) await places.recordIndex(one.digest, undefined, clock());
    }
    return others;
  }

  async #recordMissing(missing: Artifacts['missing']): Promise<void> {
    this.#missing.push(...missing);
    const isAbsent = (one: Artifacts['missing'][number]) => this.#wanted.unconfirmed.has(one.digest) && !isShown(one);
    for (const { digest } of missing.filter(isAbsent)) this.#absent.add(digest);
    const there = missing.filter((one) => !isAbsent(one));
    const contents = there.map(({ digest, code, detail }) =>
      unresolvedContent(digest, { code: ownCode(code), detail }, this.#childPlatforms.get(digest)),
    );
    await this.#record(contents, new Map());
  }

  async #record(contents: readonly ContentProperties[], known: ReadonlyMap<Digest, ImageRecord>): Promise<void> {
    if (contents.length === 0) return;
    await this.#hooks.place?.(contents.map(({ digest }) => digest));
    const refused = new Set<Digest>();
    await mapConcurrently(contents, WRITES_AT_ONCE, async (content) => {
      try {
        await recordImage(this.#ports, this.#policy, this.#imageSeenOf(content), known.get(content.digest));
      } catch (error) {
        if (!(error instanceof LedgerItemsRefusedError)) throw error;
        refused.add(content.digest);
        this.#missing.push({ digest: content.digest, code: TOO_LARGE_TO_KEEP, detail: error.message });
      }
    });
    for (const { digest, platform } of contents) {
      if (refused.has(digest)) {
        this.#absent.add(digest);
        continue;
      }
      if (platform !== undefined) this.platforms.set(digest, platform);
      if (this.indexes.has(digest)) this.#emptyIndexes += 1;
      else this.#recorded.add(digest);
    }
  }

  #imageSeenOf(content: ContentProperties): ImageSeen {
    const { compared } = this.#wanted;
    const own = this.#wanted.tags.get(content.digest) ?? [];
    const tags = new Set([...own, ...(this.#inherited.get(content.digest) ?? [])]);
    return {
      content,
      place: { location: this.#wanted.location, tags: [...tags].sort() },
      isOfNewIndex: this.#ofNewIndexes.has(content.digest),
      within: this.#within.get(content.digest) ?? new Set(),
      ...(compared && { unmovedTags: unmovedTagsOf(content.digest, compared, this.indexes) }),
    };
  }

  #addIndex(digest: Digest, children: readonly IndexChild[]): void {
    this.indexes.set(digest, children);
    const tags = this.#wanted.tags.get(digest) ?? [];
    const pushedAtEpochMs = this.#pushOf(digest);
    for (const child of children) {
      if (child.attestation !== undefined) this.#attestations.set(child.digest, child.attestation);
      if (pushedAtEpochMs !== undefined)
        this.#indexPushes.set(
          child.digest,
          Math.min(pushedAtEpochMs, this.#indexPushes.get(child.digest) ?? pushedAtEpochMs),
        );
      this.#inherited.set(child.digest, new Set([...(this.#inherited.get(child.digest) ?? []), ...tags]));
      this.#within.set(child.digest, new Set([...(this.#within.get(child.digest) ?? []), digest]));
      // The platform from the index counts, even if the image's own manifest was not found.
      if (!this.#childPlatforms.has(child.digest)) this.#childPlatforms.set(child.digest, child.platform);
    }
  }

  /** Facts are written here, where all tags of an index in use are known: each scope knows only its own. */
  #emptyAmong(indexes: ReadonlyMap<Digest, readonly IndexChild[]>): ContentProperties[] {
    return [...indexes].flatMap(([digest, children]) =>
      children.length === 0 && this.#wanted.inUse.has(digest) ? [unresolvedContent(digest, EMPTY_INDEX)] : [],
    );
  }

  /** A known index is not read again, so it counts as known only after its images are recorded. */
  async #closeIndexes(): Promise<void> {
    const closed = [...this.#open].filter((index) => this.#childrenOf(index).every((digest) => this.#isDone(digest)));
    await this.#readProvenance(closed.flatMap((index) => this.#childrenOf(index)));
    await mapConcurrently(closed, WRITES_AT_ONCE, (digest) =>
      this.#ports.places.recordIndex(
        digest,
        (this.indexes.get(digest) ?? []).map((child) => this.#pending(child)),
        this.#ports.clock(),
      ),
    );
    for (const digest of closed) this.#open.delete(digest);
  }

  #childrenOf(index: Digest): readonly Digest[] {
    return (this.indexes.get(index) ?? []).map(({ digest }) => digest);
  }

  /**
   * Provenance is read only if content does not date an image, or cannot show its parent: a single layer holds all that
   * it is built on, unless it is a base.
   */
  #isUnproven({ birth, layerCount = 0, unresolved }: ContentProperties): boolean {
    if (unresolved) return false;
    const isBase = streamRulesOf(this.#policy, this.#wanted.location).some(({ tier }) => tier === 'base');
    return !isDated(birth) || (layerCount <= 1 && !isBase);
  }

  #needsProvenance(digest: Digest): boolean {
    return this.#unproven.has(digest) && this.#attestations.has(digest);
  }

  /** The child as the ledger keeps it: with its attestation only if that is needed and was not read this time. */
  #pending({ attestation, ...child }: IndexChild): IndexChild {
    return attestation !== undefined && this.#unproven.has(child.digest) ? { ...child, attestation } : child;
  }

  /** What is left unread in a copy stays named by the index, for the repository that the image is made in. */
  async #readProvenance(digests: readonly Digest[]): Promise<void> {
    const { location } = this.#wanted;
    const { registry, images } = this.#ports;
    for (const piece of piecesOf(
      digests.filter((digest) => this.#needsProvenance(digest)),
      IMAGES_A_PIECE,
    )) {
      if (isTimeOver(this.#ports)) return;
      const records = new Map(
        [...(await images.get(piece))].filter(([, record]) => isMadeIn(this.#policy, record, location)),
      );
      if (records.size === 0) continue;
      const asked = new Map([...records.keys()].map((digest) => [digest, this.#attestations.get(digest) as Digest]));
      const found = await registry.provenances(location, asked);
      await this.#recordProvenance(found, records);
      for (const digest of records.keys()) if (found.get(digest) !== 'unread') this.#unproven.delete(digest);
    }
  }

  async #recordProvenance(
    answers: ReadonlyMap<Digest, Provenance | 'unread'>,
    known: ReadonlyMap<Digest, ImageRecord>,
  ): Promise<void> {
    const { contents, clock } = this.#ports;
    const found = new Map([...answers].flatMap(([digest, one]) => (one === 'unread' ? [] : [[digest, one] as const])));
    if (found.size === 0) return;
    const before = await contents.get([...found.keys()]);
    await contents.record(
      [...before.values()].flatMap((content) => {
        const { materials = [] } = found.get(content.digest) ?? {};
        const mayReplace = known.get(content.digest)?.stream !== undefined || content.materials === undefined;
        return materials.length > 0 && mayReplace ? [{ ...content, materials }] : [];
      }),
    );
    const dated = [...known.values()].flatMap((record) => {
      const { finishedAtEpochMs } = found.get(record.digest) ?? {};
      return finishedAtEpochMs === undefined
        ? []
        : [withBuildEnd(contentPropertiesOf(record), finishedAtEpochMs, clock())];
    });
    await this.#record(dated, known);
  }
}

/**
 * Anybody may keep a copy of an image, and write provenance beside it. So provenance counts only in the repository of the
 * image's stream; without a stream, in those that the policy names; and anywhere if it names none.
 */
function isMadeIn(policy: Policy, { stream, locations }: ImageRecord, location: ImageLocation): boolean {
  const here = locationKey(location);
  if (stream !== undefined) return locationKey(parseStreamId(stream).location) === here;
  const named = locations.filter((one) => streamRulesOf(policy, one).length > 0).map(locationKey);
  return named.length === 0 || named.includes(here);
}

/** The kind of index children that turn out to be no images. */
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
