import { collect, mapConcurrently } from '../concurrency.ts';
import type { Digest, ImageLocation, IndexChild } from '../domain/image.ts';
import { contentOf } from '../domain/image-content.ts';
import type { Policy } from '../domain/policy.ts';
import { withoutProtecting } from '../domain/protecting-tag.ts';
import type { Pull } from '../domain/usage.ts';
import type { Clock } from '../ports/clock.ts';
import { LedgerContendedError, RegistryUnreachableError } from '../ports/errors.ts';
import type { ContentLedger, PlaceLedger, StreamLedger } from '../ports/ledger.ts';
import type { ImageRegistry, RegistryImage } from '../ports/registry.ts';
import type { TagsDocument } from '../review/documents.ts';
import { type Artifacts, countMissing, isResolved, leftUnread, platformOf, readArtifacts } from './artifacts.ts';
import { type ContentFacts, contentFacts, EMPTY_INDEX, knownContent, unresolvedContent } from './facts.ts';
import { type ListedImage, recordHeads } from './heads.ts';
import { rewriteOlder } from './older-contents.ts';
import { recordImage } from './record-image.ts';
import { type ResolvedTags, resolveTags } from './tags.ts';
import type { FactsPorts } from './write-facts.ts';

const WRITES_AT_ONCE = 16;
const MOST_ROUNDS = 4;

export interface RepositoryPorts extends FactsPorts {
  readonly registry: ImageRegistry;
  readonly places: PlaceLedger;
  readonly contents: ContentLedger;
  readonly streams: StreamLedger;
  readonly clock: Clock;
}

/** What a review asks one repository. */
export interface RepositoryQuestion {
  readonly location: ImageLocation;
  /** A repository of base or platform streams: all its images are read, for heads and for the lineage. */
  readonly isListed: boolean;
  /** Digests that run, with the tags they ran by. */
  readonly digests: Readonly<Record<Digest, readonly string[]>>;
  /** When some of the digests were pushed, as events tell; an event of an earlier push may come late, or never. */
  readonly pushedAt?: ReadonlyMap<Digest, number>;
  /** Tags that run and of which nobody told what they are, with the pulls by them. */
  readonly tags: Readonly<Record<string, readonly Pull[]>>;
}

/**
 * Is called with the layers of images that the ledger did not know, lowest layer first, before these count as known: what
 * they are built on can be read first.
 */
export type BeforeRecording = (fresh: readonly (readonly Digest[])[]) => Promise<void>;

export interface RepositoryReading {
  readonly images: number;
  readonly missing: number;
  readonly tags: TagsDocument[string];
  /** Present where images are there that could not be read this time: which and why, in words. */
  readonly leftUnread?: string;
  /** Absent where the repository was read to its end. */
  readonly failure?: { readonly detail: string; readonly error: unknown; readonly isRefusal: boolean };
}

/**
 * Reads one repository and writes what it says. A registry that refuses costs its images their facts, nothing else; any
 * other error is in the reading too, and stops no other repository.
 */
export async function readRepository(
  ports: RepositoryPorts,
  policy: Policy,
  question: RepositoryQuestion,
  before: BeforeRecording = async () => undefined,
): Promise<RepositoryReading> {
  try {
    return await readAgain(() => readReachable(ports, policy, question, before));
  } catch (error) {
    if (error instanceof RegistryUnreachableError) return recordUnreachable(ports, policy, question, error);
    const asked = Object.keys(question.digests).length;
    const problem = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    const detail = `Repository ${question.location.repository} was not read to its end: ${problem}`;
    return { images: asked, missing: asked, tags: {}, failure: { detail, error, isRefusal: false } };
  }
}

/** What another reading wrote meanwhile may be newer than what was read here: then all of it is read again. */
export async function readAgain<Reading>(read: () => Promise<Reading>): Promise<Reading> {
  for (let round = 1; ; round += 1) {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof LedgerContendedError) || round === MOST_ROUNDS) throw error;
    }
  }
}

async function readReachable(
  ports: RepositoryPorts,
  policy: Policy,
  question: RepositoryQuestion,
  before: BeforeRecording,
) {
  const { location } = question;
  const listing = question.isListed ? await listImages(ports, location) : [];
  const tags = await resolveTags(ports, location, question.tags, question.isListed);
  const tagsByDigest = tagsOf(question, listing, tags);
  const artifacts = await readArtifacts(ports, location, [...tagsByDigest.keys()].sort());
  const tagsOfImage = withIndexTags(tagsByDigest, artifacts.indexes);
  const pushes = new Map<Digest, number | undefined>([
    ...firstPushesOf(question, artifacts),
    ...listing.map(({ digest, pushedAtEpochMs }) => [digest, pushedAtEpochMs] as const),
  ]);
  const older = await rewriteOlder(ports.contents, artifacts.known.values());
  const contents = [...contentsOf(artifacts, pushes, older, ports.clock()), ...emptyIndexes(artifacts, question, tags)];
  const sightings = contents.map((content) => ({
    content,
    place: { location, tags: [...(tagsOfImage.get(content.digest) ?? [])].sort() },
  }));
  // An image that is known is not read again: it counts as known only once its content is.
  await ports.contents.record(artifacts.fresh.map(({ artifact, config }) => contentOf(artifact, config)));
  if (artifacts.fresh.length > 0) await before(artifacts.fresh.map(({ artifact }) => artifact.layers));
  await mapConcurrently(sightings, WRITES_AT_ONCE, (sighting) =>
    recordImage(ports, policy, sighting, artifacts.known.get(sighting.content.digest)),
  );
  // An index that is known is not read again: it counts as known only once its images are.
  await mapConcurrently([...artifacts.freshIndexes], WRITES_AT_ONCE, (digest) =>
    ports.places.recordIndex(digest, artifacts.indexes.get(digest) ?? []),
  );
  if (question.isListed) await recordHeads(ports, policy, { location, listing, indexes: artifacts.indexes });
  const left = leftUnread(artifacts.missing);
  return {
    images: sightings.length,
    missing: countMissing(artifacts.missing),
    tags: historiesOf(tags),
    ...(left !== undefined && { leftUnread: left }),
  };
}

/**
 * Pushes that events tell and that say how old an image is. One of an image that was known before, though not how old it
 * was, may be the second one: it makes nothing younger.
 */
const firstPushesOf = (
  { pushedAt = new Map() }: RepositoryQuestion,
  { known }: Artifacts,
): readonly [Digest, number][] => [...pushedAt].filter(([digest]) => known.get(digest)?.birth.known !== false);

const historiesOf = (tags: ResolvedTags): TagsDocument[string] =>
  Object.fromEntries(
    Object.entries(tags).map(([tag, { meant: _, ...history }]) => [tag, { ...history, pushes: [...history.pushes] }]),
  );

/** Pushes and tags are history that no later listing tells again, so they are written before anything can fail. */
async function listImages(
  { registry, places, clock }: RepositoryPorts,
  location: ImageLocation,
): Promise<readonly ListedImage[]> {
  const listedAtEpochMs = clock();
  const listing = (await collect(registry.images(location)))
    .flat()
    .map((image) => ({ ...image, tags: withoutProtecting(image.tags) }));
  return mapConcurrently(listing, WRITES_AT_ONCE, async (image) => {
    const { digest, tags, pushedAtEpochMs } = image;
    const pushes = pushedAtEpochMs !== undefined && {
      firstPushSeenAtEpochMs: pushedAtEpochMs,
      lastPushSeenAtEpochMs: pushedAtEpochMs,
    };
    const taggedAt = await places.recordLocation({ digest, location, tags, ...pushes }, listedAtEpochMs);
    return { ...image, taggedAt };
  });
}

function tagsOf(
  { digests }: RepositoryQuestion,
  listing: readonly RegistryImage[],
  resolved: ResolvedTags,
): ReadonlyMap<Digest, ReadonlySet<string>> {
  const tags = new Map<Digest, Set<string>>();
  const add = (digest: Digest, more: readonly string[]): void => {
    tags.set(digest, new Set([...(tags.get(digest) ?? []), ...more]));
  };
  for (const [digest, seen] of Object.entries(digests)) add(digest as Digest, seen);
  for (const { digest, tags: pushed } of listing) add(digest, pushed);
  for (const [tag, { meant }] of Object.entries(resolved)) for (const digest of meant) add(digest, [tag]);
  return tags;
}

/** A tag of an index is a tag of each of its images: that is how a build names them. */
function withIndexTags(
  tags: ReadonlyMap<Digest, ReadonlySet<string>>,
  indexes: ReadonlyMap<Digest, readonly IndexChild[]>,
): ReadonlyMap<Digest, ReadonlySet<string>> {
  const all = new Map([...tags].map(([digest, set]) => [digest, new Set(set)]));
  for (const [index, children] of indexes) {
    for (const { digest } of children) {
      all.set(digest, new Set([...(all.get(digest) ?? []), ...(tags.get(index) ?? [])]));
    }
  }
  return all;
}

function contentsOf(
  { known, fresh, missing, indexes }: Artifacts,
  pushes: ReadonlyMap<Digest, number | undefined>,
  unpacked: ReadonlyMap<Digest, string>,
  nowEpochMs: number,
): ContentFacts[] {
  return [
    ...[...known.values()].map((image) => {
      const unpackedId = unpacked.get(image.digest);
      const completed = unpackedId === undefined ? image : { ...image, unpackedId };
      return knownContent(completed, pushes.get(image.digest), nowEpochMs);
    }),
    ...fresh.map(({ artifact, config }) => {
      const firstPushSeenAtEpochMs = pushes.get(artifact.digest);
      const push = firstPushSeenAtEpochMs !== undefined && { firstPushSeenAtEpochMs };
      return contentFacts({ artifact, ...(config && { config }), ...push }, nowEpochMs);
    }),
    ...missing.map(({ digest, code, detail }) =>
      unresolvedContent(digest, { code: ownCode(code), detail }, platformOf(indexes, digest)),
    ),
  ];
}

/** Facts come from here, where all tags that an index ran by are known: of two scopes that run it, each knows its own. */
function emptyIndexes({ indexes }: Artifacts, { digests }: RepositoryQuestion, resolved: ResolvedTags): ContentFacts[] {
  const inUse = new Set([...Object.keys(digests), ...Object.values(resolved).flatMap(({ meant }) => meant)]);
  return [...indexes].flatMap(([digest, children]) =>
    children.length === 0 && inUse.has(digest) ? [unresolvedContent(digest, EMPTY_INDEX)] : [],
  );
}

/** `ImageNotFound`, as ECR writes its codes, becomes `image-not-found`, as we write ours. */
const ownCode = (code: string): string =>
  code
    .replace(/(?:Exception)$/, '')
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .toLowerCase();

async function recordUnreachable(
  ports: RepositoryPorts,
  policy: Policy,
  { location, digests }: RepositoryQuestion,
  unreachable: RegistryUnreachableError,
): Promise<RepositoryReading> {
  const asked = Object.keys(digests) as Digest[];
  const [known, indexes] = await Promise.all([ports.images.get(asked), ports.places.indexes(asked)]);
  const unknown = asked.filter((digest) => !isResolved(known.get(digest)) && !indexes.has(digest));
  const unresolved = { code: 'registry-unreachable', detail: unreachable.message };
  const failure = { detail: unreachable.message, error: unreachable, isRefusal: true };
  await mapConcurrently(unknown, WRITES_AT_ONCE, (digest) => {
    const place = { location, tags: digests[digest] ?? [] };
    return recordImage(ports, policy, { content: unresolvedContent(digest, unresolved), place }, known.get(digest));
  });
  return { images: asked.length, missing: unknown.length, tags: {}, failure };
}
