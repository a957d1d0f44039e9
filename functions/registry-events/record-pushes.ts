import { mapConcurrently } from '../../shared/concurrency.ts';
import type { Digest, ImageLocation } from '../../shared/domain/image/image.ts';
import { type LocationRecord, unionOfTags } from '../../shared/domain/image/image-facts.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { streamId, streamRulesOf } from '../../shared/domain/stream/stream.ts';
import type { StreamRecord } from '../../shared/domain/stream/stream-record.ts';
import { means, type TagHolder } from '../../shared/domain/stream/tag-holder.ts';
import type { ImageAction } from '../../shared/events/ecr-image-action.ts';
import { type ListedImage, recordHeads } from '../../shared/inventory/heads.ts';
import { readAgain, readRepository } from '../../shared/inventory/repository.ts';
import type { FleetPlaces } from '../../shared/ports/ledger.ts';
import { type BasePorts, basesFirst } from './read-bases.ts';

const AT_ONCE = 8;

export interface PushPorts extends BasePorts {
  readonly fleetPlaces: FleetPlaces;
}

/** Writes down when digests were pushed and what tags they were given: a history that no later look at the registry tells again. */
export async function recordHistory(
  { places }: Pick<PushPorts, 'places'>,
  location: ImageLocation,
  pushes: readonly ImageAction[],
): Promise<void> {
  await mapConcurrently(firstSeenNowOf(pushes), AT_ONCE, ({ digest, tags, atEpochMs }) =>
    places.recordLocation({
      ...{ digest, location, tags },
      ...{ firstPushSeenAtEpochMs: atEpochMs, lastPushSeenAtEpochMs: atEpochMs },
    }),
  );
  // One after the other: pushes of a batch are mostly of one tag.
  for (const { digest, tag, atEpochMs } of pushes)
    if (tag !== undefined) await places.recordPush(location, tag, { digest, atEpochMs });
}

/**
 * Writes down pushes to one repository: the history of its tags, the facts of what was pushed, and the heads of its
 * release lines. It has no way to start anything: whoever pushed, nothing follows from a push alone.
 * @throws RegistryUnreachableError, LedgerContendedError where others move its heads time and again
 */
export async function recordPushes(
  ports: PushPorts,
  policy: Policy,
  location: ImageLocation,
  pushes: readonly ImageAction[],
): Promise<void> {
  await recordHistory(ports, location, pushes);
  const pushed = [...new Set(pushes.map(({ digest }) => digest))].sort();
  const digests = Object.fromEntries(pushed.map((digest) => [digest, tagsOf(pushes, digest)]));
  const pushedAt = new Map(pushed.map((digest) => [digest, firstOf(pushes, digest)]));
  const question = { location, isListed: false, digests, pushedAt, tags: {} };
  const { failure } = await readRepository(ports, policy, question, basesFirst(ports, policy, location));
  if (failure) throw failure.error;
  await readAgain(() => moveHeads(ports, policy, location, pushed));
}

const tagsOf = (pushes: readonly ImageAction[], digest: Digest): readonly string[] =>
  unionOfTags(pushes.flatMap((push) => (push.digest === digest && push.tag !== undefined ? [push.tag] : [])));

const firstOf = (pushes: readonly ImageAction[], digest: Digest): number =>
  pushes
    .filter((push) => push.digest === digest)
    .reduce((first, { atEpochMs }) => Math.min(first, atEpochMs), Number.POSITIVE_INFINITY);

interface SeenPush {
  readonly digest: Digest;
  readonly tags: readonly string[];
  readonly atEpochMs: number;
}

/** A build puts several tags on what it pushes, and each of them is told by itself: what came at one instant is one push. */
function firstSeenNowOf(pushes: readonly ImageAction[]): readonly SeenPush[] {
  const instants = Map.groupBy(pushes, ({ digest, atEpochMs }) => `${digest} ${atEpochMs}`);
  return [...instants.values()].flatMap((together) => {
    const [first] = together;
    return first ? [{ ...first, tags: tagsOf(together, first.digest) }] : [];
  });
}

/**
 * Heads by what was the head and what was pushed: the last push of a head tag decides, as where a repository is listed, so
 * an event that is late or comes twice moves nothing. An image whose head tag has moved on is no head any more, and an old
 * one that a person gives the tag is.
 */
async function moveHeads(
  ports: PushPorts,
  policy: Policy,
  location: ImageLocation,
  pushed: readonly Digest[],
): Promise<void> {
  const lines = streamRulesOf(policy, location).flatMap(({ headTags }) => headTags);
  const before = await ports.streams.streams([...new Set(lines.map((headTag) => streamId(location, headTag)))]);
  const heads = new Set([...before.values()].flatMap(digestsOf));
  const digests = [...new Set([...heads, ...pushed])];
  const places = await ports.fleetPlaces.locationsOf(digests.map((digest) => ({ digest, locations: [location] })));
  const tags = [...places.values()].flat().flatMap((record) => [...record.tags, ...(record.askedTags ?? [])]);
  const holders = await ports.places.holders(location, [...new Set(tags)]);
  const indexes = await ports.places.indexes([...digests, ...[...holders.values()].map(({ digest }) => digest)]);
  const isOf = (digest: Digest) => (holder: Digest) =>
    holder === digest || indexes.get(holder)?.some((child) => child.digest === digest) === true;
  const listing = digests.map((digest) =>
    listed(digest, places.get(digest) ?? [], { holders, isOf: heads.has(digest) ? isOf(digest) : undefined }),
  );
  await recordHeads(ports, policy, { location, listing, indexes, before });
}

const digestsOf = ({ head }: StreamRecord): readonly Digest[] =>
  head ? (head.index === undefined ? Object.values(head.images) : [head.index]) : [];

interface TagHolders {
  readonly holders: ReadonlyMap<string, TagHolder>;
  /** Of an image that is a head: whether a digest is the image, or an index with it. */
  readonly isOf: ((holder: Digest) => boolean) | undefined;
}

/** As the registry would list it. An image of an index that was a head has the tags of that index, not its own. */
function listed(digest: Digest, [record]: readonly LocationRecord[], { holders, isOf }: TagHolders): ListedImage {
  const { tags = [], askedTags = [], firstPushSeenAtEpochMs: pushedAtEpochMs } = record ?? {};
  const taggedAt = new Map<string, number>();
  for (const tag of unionOfTags(tags, isOf ? askedTags : [])) {
    const holder = holders.get(tag);
    const isHeld = holder !== undefined && (isOf?.(holder.digest) ?? holder.digest === digest);
    if (isHeld && means(holder, holder.digest)) taggedAt.set(tag, holder.pushedAtEpochMs);
  }
  const pushed = pushedAtEpochMs !== undefined && { pushedAtEpochMs };
  return { digest, tags: [...taggedAt.keys()], taggedAt, ...pushed, archived: false };
}
