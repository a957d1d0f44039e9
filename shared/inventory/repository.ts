import { mapConcurrently } from '../concurrency.ts';
import { type Digest, type ImageLocation, locationKey } from '../domain/image/image.ts';
import type { Pull } from '../domain/image/usage.ts';
import type { Policy } from '../domain/policy/policy.ts';
import { withoutProtecting } from '../domain/retention/protecting-tag.ts';
import { newestTagged } from '../domain/stream/heads.ts';
import { streamRulesOf, streamsAt } from '../domain/stream/stream.ts';
import { judgesTagsAt } from '../domain/stream/tag-facts.ts';
import { LedgerContendedError, RegistryUnreachableError, RepositoryUnfinishedError } from '../ports/errors.ts';
import type { StreamLedger } from '../ports/ledger.ts';
import type { ProvenanceSource } from '../ports/provenance.ts';
import type { ImageRegistry, RegistryImage } from '../ports/registry.ts';
import type { TagsDocument } from '../review/documents.ts';
import { isResolved, isTimeOver } from './artifacts.ts';
import { compareTags } from './compared-tags.ts';
import { unresolvedContent } from './content-properties.ts';
import { type ListedImage, recordHeads } from './heads.ts';
import { recordImage } from './record-image.ts';
import { type BeforeRecording, type ImagesPorts, RepositoryImages, type WantedImages } from './repository-images.ts';
import { type ResolvedTags, resolveTags } from './tags.ts';

const WRITES_AT_ONCE = 16;
const MOST_ROUNDS = 4;

export interface RepositoryPorts extends ImagesPorts {
  readonly registry: ImageRegistry & ProvenanceSource;
  readonly streams: StreamLedger;
}

/** The read request of a review for one repository. */
export interface RepositoryQuestion {
  readonly location: ImageLocation;
  /** A repository of base or platform streams: all its images are read, for heads and for the lineage. */
  readonly isListed: boolean;
  /**
   * Read heads only: the repository is listed, and the last pushed images of each release line are read. Running images
   * are read as well.
   */
  readonly newestOnly?: boolean;
  /** Digests that run, with the tags they ran by. */
  readonly digests: Readonly<Record<Digest, readonly string[]>>;
  /** Those of the digests that no workload or build proves: one that the registry does not show gets no record here. */
  readonly mustBeThere?: ReadonlySet<Digest>;
  /** When some of the digests were pushed, from events; the event of an earlier push may come late or never. */
  readonly pushedAt?: ReadonlyMap<Digest, number>;
  /** Running tags with unknown digests, with their pulls. */
  readonly tags: Readonly<Record<string, readonly Pull[]>>;
}

export interface RepositoryReading {
  readonly images: number;
  readonly missing: number;
  readonly tags: TagsDocument[string];
  /** Present if existing images could not be read this time: which ones and why, as text. */
  readonly leftUnread?: string;
  /** The time ended: what was read is recorded, and the next read continues there. `failure` says how far it came. */
  readonly isUnfinished?: true;
  /** Absent if the repository was read completely. */
  readonly failure?: { readonly detail: string; readonly error: unknown; readonly isRefusal: boolean };
}

/**
 * Reads one repository and writes its data. A registry that refuses costs its images their properties only; any other
 * error is in the result too, and stops no other repository.
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
    if (error instanceof RepositoryUnfinishedError) {
      const { message: detail, read, left = asked } = error;
      return {
        images: read + left,
        missing: left,
        tags: {},
        failure: { detail, error, isRefusal: false },
        isUnfinished: true,
      };
    }
    const problem = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    const detail = `Repository ${question.location.repository} was not read completely: ${problem}`;
    return { images: asked, missing: asked, tags: {}, failure: { detail, error, isRefusal: false } };
  }
}

/** Data written by another read meanwhile may be newer, so everything is read again. */
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
): Promise<RepositoryReading> {
  const { location, isListed } = question;
  if (isTimeOver(ports)) throw new RepositoryUnfinishedError(location, 0);
  const { all, listed, place } = isListed ? await listImages(ports, policy, question) : NOTHING_LISTED;
  const tags = await resolveTags(ports, location, question.tags, isListed && !question.newestOnly);
  const wanted = wantedOf(question, { all, listed }, tags);
  const compared = isListed && judgesTagsAt(policy, location) && compareTags(all);
  const images = new RepositoryImages(ports, policy, { ...wanted, ...(compared && { compared }) }, { before, place });
  await images.readAll();
  const { indexes, platforms, missing, leftUnread, read, left } = images;
  if (left > 0) throw new RepositoryUnfinishedError(location, read, left);
  if (isListed) await recordHeads(ports, policy, { location, listing: listed, indexes, platforms });
  return { images: read, missing, tags: historiesOf(tags), ...(leftUnread !== undefined && { leftUnread }) };
}

const historiesOf = (tags: ResolvedTags): TagsDocument[string] =>
  Object.fromEntries(
    Object.entries(tags).map(([tag, { meant: _, ...history }]) => [tag, { ...history, pushes: [...history.pushes] }]),
  );

interface Listing {
  readonly all: readonly RegistryImage[];
  /** The images read that may be heads. */
  readonly listed: readonly ListedImage[];
  /** Records the push times and tags of listed images, unless that is done. */
  readonly place: (digests: readonly Digest[]) => Promise<void>;
}

const NOTHING_LISTED: Listing = { all: [], listed: [], place: async () => undefined };

async function listImages(ports: RepositoryPorts, policy: Policy, question: RepositoryQuestion): Promise<Listing> {
  const { registry, places, clock } = ports;
  const { location, newestOnly = false } = question;
  const listedAtEpochMs = clock();
  const all = new Map<Digest, RegistryImage>();
  const listed = new Map<Digest, ListedImage>();
  const place = async (digests: readonly Digest[]): Promise<void> => {
    const images = digests.flatMap((digest) => (listed.has(digest) ? [] : (all.get(digest) ?? [])));
    await mapConcurrently(images, WRITES_AT_ONCE, async (image) => {
      const { digest, tags, pushedAtEpochMs } = image;
      const pushes = pushedAtEpochMs !== undefined && {
        firstPushSeenAtEpochMs: pushedAtEpochMs,
        lastPushSeenAtEpochMs: pushedAtEpochMs,
      };
      const taggedAt = await places.recordLocation({ digest, location, tags, ...pushes }, listedAtEpochMs);
      listed.set(digest, { ...image, taggedAt });
    });
  };
  for await (const page of registry.images(location)) {
    if (isTimeOver(ports)) throw new RepositoryUnfinishedError(location, 0);
    for (const image of page) all.set(image.digest, { ...image, tags: withoutProtecting(image.tags) });
    // Pushes and tags are history that no later listing repeats, so they are written before anything can fail.
    if (!newestOnly) await place(page.map(({ digest }) => digest));
  }
  if (newestOnly) await place([...(await mayBeHeads(ports, policy, question, [...all.values()]))]);
  return { all: [...all.values()], listed: [...listed.values()], place };
}

/** The number of images read per release line for its head: enough for platforms that are pushed one by one. */
const NEWEST_OF_A_LINE = 50;

/**
 * The images pushed last, the requested ones, and earlier heads, which may have lost a tag. An old image may have
 * received a head tag too.
 */
async function mayBeHeads(
  { streams, places }: RepositoryPorts,
  policy: Policy,
  { location, digests }: RepositoryQuestion,
  images: readonly RegistryImage[],
): Promise<ReadonlySet<Digest>> {
  const rules = streamRulesOf(policy, location);
  const records = await streams.streams(streamsAt(policy, location));
  const heads = new Set(
    [...records.values()].flatMap(({ head }) => [head?.index ?? [], Object.values(head?.images ?? {})].flat()),
  );
  const tags = new Set<string>();
  for (const head of heads)
    for (const place of await places.locations(head))
      if (locationKey(place.location) === locationKey(location)) for (const tag of place.tags) tags.add(tag);
  const named = images.filter((image) => image.tags.some((tag) => tags.has(tag))).map(({ digest }) => digest);
  const asked = Object.keys(digests) as Digest[];
  return new Set([...newestTagged(rules, images, NEWEST_OF_A_LINE), ...heads, ...named, ...asked]);
}

function wantedOf(
  { location, digests, mustBeThere = new Set(), pushedAt = new Map() }: RepositoryQuestion,
  { all, listed }: Pick<Listing, 'all' | 'listed'>,
  resolved: ResolvedTags,
): WantedImages {
  const tags = new Map<Digest, Set<string>>();
  const add = (digest: Digest, more: readonly string[]): void => {
    tags.set(digest, new Set([...(tags.get(digest) ?? []), ...more]));
  };
  for (const [digest, seen] of Object.entries(digests)) add(digest as Digest, seen);
  for (const { digest, tags: pushed } of listed) add(digest, pushed);
  const meant = Object.entries(resolved).flatMap(([tag, resolution]) =>
    resolution.meant.map((digest) => [digest, tag] as const),
  );
  for (const [digest, tag] of meant) add(digest, [tag]);
  const pushes = new Map(all.map(({ digest, pushedAtEpochMs }) => [digest, pushedAtEpochMs]));
  const asked = Object.keys(digests) as Digest[];
  return {
    location,
    tags,
    pushes,
    unconfirmed: new Set([...mustBeThere].filter((digest) => !pushes.has(digest))),
    pushesOfEvents: pushedAt,
    mediaTypes: new Map(
      all.flatMap(({ digest, mediaType }) => (mediaType === undefined ? [] : [[digest, mediaType] as const])),
    ),
    inUse: new Set([...asked.filter((digest) => !mustBeThere.has(digest)), ...meant.map(([digest]) => digest)]),
  };
}

async function recordUnreachable(
  ports: RepositoryPorts,
  policy: Policy,
  { location, digests, mustBeThere }: RepositoryQuestion,
  unreachable: RegistryUnreachableError,
): Promise<RepositoryReading> {
  const asked = Object.keys(digests) as Digest[];
  const [known, indexes] = await Promise.all([ports.images.get(asked), ports.places.indexes(asked)]);
  const unknown = asked.filter((digest) => !isResolved(known.get(digest)) && !indexes.has(digest));
  const proven = unknown.filter((digest) => !mustBeThere?.has(digest));
  const unresolved = { code: 'registry-unreachable', detail: unreachable.message };
  const failure = { detail: unreachable.message, error: unreachable, isRefusal: true };
  await mapConcurrently(proven, WRITES_AT_ONCE, (digest) => {
    const place = { location, tags: digests[digest] ?? [] };
    return recordImage(ports, policy, { content: unresolvedContent(digest, unresolved), place }, known.get(digest));
  });
  return { images: asked.length, missing: unknown.length, tags: {}, failure };
}
