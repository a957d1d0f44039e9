import { mapConcurrently } from '../concurrency.ts';
import type { Digest, ImageLocation } from '../domain/image.ts';
import type { Policy } from '../domain/policy.ts';
import { withoutProtecting } from '../domain/protecting-tag.ts';
import type { Pull } from '../domain/usage.ts';
import { LedgerContendedError, RegistryUnreachableError, RepositoryUnfinishedError } from '../ports/errors.ts';
import type { StreamLedger } from '../ports/ledger.ts';
import type { ImageRegistry, RegistryImage } from '../ports/registry.ts';
import type { TagsDocument } from '../review/documents.ts';
import { isResolved, isTimeOver } from './artifacts.ts';
import { unresolvedContent } from './facts.ts';
import { type ListedImage, recordHeads } from './heads.ts';
import { recordImage } from './record-image.ts';
import { type BeforeRecording, type ImagesPorts, RepositoryImages, type WantedImages } from './repository-images.ts';
import { type ResolvedTags, resolveTags } from './tags.ts';

const WRITES_AT_ONCE = 16;
const MOST_ROUNDS = 4;

export interface RepositoryPorts extends ImagesPorts {
  readonly registry: ImageRegistry;
  readonly streams: StreamLedger;
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

export interface RepositoryReading {
  readonly images: number;
  readonly missing: number;
  readonly tags: TagsDocument[string];
  /** Present where images are there that could not be read this time: which and why, in words. */
  readonly leftUnread?: string;
  /** The time was over: what was read is recorded, and the next reading goes on from there. `failure` says how far it came. */
  readonly isUnfinished?: true;
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
): Promise<RepositoryReading> {
  const { location, isListed } = question;
  if (isTimeOver(ports)) throw new RepositoryUnfinishedError(location, 0);
  const listing = isListed ? await listImages(ports, location) : [];
  const tags = await resolveTags(ports, location, question.tags, isListed);
  const images = new RepositoryImages(ports, policy, wantedOf(question, listing, tags), { before });
  await images.readAll();
  const { indexes, platforms, missing, leftUnread, read, left } = images;
  if (left > 0) throw new RepositoryUnfinishedError(location, read, left);
  if (isListed) await recordHeads(ports, policy, { location, listing, indexes, platforms });
  return { images: read, missing, tags: historiesOf(tags), ...(leftUnread !== undefined && { leftUnread }) };
}

const historiesOf = (tags: ResolvedTags): TagsDocument[string] =>
  Object.fromEntries(
    Object.entries(tags).map(([tag, { meant: _, ...history }]) => [tag, { ...history, pushes: [...history.pushes] }]),
  );

/** Pushes and tags are history that no later listing tells again, so they are written before anything can fail. */
async function listImages(ports: RepositoryPorts, location: ImageLocation): Promise<readonly ListedImage[]> {
  const { registry, places, clock } = ports;
  const listedAtEpochMs = clock();
  const listing: ListedImage[] = [];
  for await (const page of registry.images(location)) {
    if (isTimeOver(ports)) throw new RepositoryUnfinishedError(location, 0);
    const recorded = await mapConcurrently(page, WRITES_AT_ONCE, async (image) => {
      const { digest, pushedAtEpochMs } = image;
      const tags = withoutProtecting(image.tags);
      const pushes = pushedAtEpochMs !== undefined && {
        firstPushSeenAtEpochMs: pushedAtEpochMs,
        lastPushSeenAtEpochMs: pushedAtEpochMs,
      };
      const taggedAt = await places.recordLocation({ digest, location, tags, ...pushes }, listedAtEpochMs);
      return { ...image, tags, taggedAt };
    });
    listing.push(...recorded);
  }
  return listing;
}

function wantedOf(
  { location, digests, pushedAt = new Map() }: RepositoryQuestion,
  listing: readonly RegistryImage[],
  resolved: ResolvedTags,
): WantedImages {
  const tags = new Map<Digest, Set<string>>();
  const add = (digest: Digest, more: readonly string[]): void => {
    tags.set(digest, new Set([...(tags.get(digest) ?? []), ...more]));
  };
  for (const [digest, seen] of Object.entries(digests)) add(digest as Digest, seen);
  for (const { digest, tags: pushed } of listing) add(digest, pushed);
  const meant = Object.entries(resolved).flatMap(([tag, told]) => told.meant.map((digest) => [digest, tag] as const));
  for (const [digest, tag] of meant) add(digest, [tag]);
  return {
    location,
    tags,
    pushes: new Map(listing.map(({ digest, pushedAtEpochMs }) => [digest, pushedAtEpochMs])),
    toldPushes: pushedAt,
    mediaTypes: new Map(
      listing.flatMap(({ digest, mediaType }) => (mediaType === undefined ? [] : [[digest, mediaType] as const])),
    ),
    inUse: new Set([...(Object.keys(digests) as Digest[]), ...meant.map(([digest]) => digest)]),
  };
}

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
