import { mapConcurrently } from '../../shared/concurrency.ts';
import type { Digest, ImageLocation } from '../../shared/domain/image/image.ts';
import { type LocationRecord, unionOfTags } from '../../shared/domain/image/image-properties.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { streamsAt } from '../../shared/domain/stream/stream.ts';
import type { StreamRecord } from '../../shared/domain/stream/stream-record.ts';
import { means, type TagHolder } from '../../shared/domain/stream/tag-holder.ts';
import type { ImageAction } from '../../shared/events/ecr-image-action.ts';
import { type ListedImage, recordHeads } from '../../shared/inventory/heads.ts';
import { readAgain, readRepository } from '../../shared/inventory/repository.ts';
import type { FleetPlaces } from '../../shared/ports/ledger.ts';
import type { JudgeRequest, Messages } from '../../shared/ports/messages.ts';
import { type BasePorts, basesFirst } from './read-bases.ts';
import { recordComparedTags } from './record-compared-tags.ts';

const AT_ONCE = 8;

export interface PushPorts extends BasePorts {
  readonly fleetPlaces: FleetPlaces;
  readonly judging: Messages<JudgeRequest>;
}

/** Records push times and tags of digests: a history that no later registry read can restore. */
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
  // In sequence, because pushes of a batch mostly share a tag.
  for (const { digest, tag, atEpochMs } of pushes)
    if (tag !== undefined) await places.recordPush(location, tag, { digest, atEpochMs });
}

/**
 * Records pushes to one repository: its tag history, the properties of the pushed images, and the heads of its streams.
 * It starts no scan and no build: a push alone has no such consequence.
 * @throws RegistryUnreachableError, LedgerContendedError if others keep moving its heads
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
  await judgeCopies(ports, pushed);
}

/**
 * The verdict on an image does not count at another place, because a waiver may not cover that one. Until it is judged again, a door
 * lets it start only in good standing, and no review judges an image that runs nowhere, nor a head of which nothing runs.
 */
async function judgeCopies({ images, places, judging }: PushPorts, pushed: readonly Digest[]): Promise<void> {
  const children = [...(await places.indexes(pushed)).values()].flat().map(({ digest }) => digest);
  const known = await images.get([...new Set([...pushed, ...children])]);
  const unjudged = [...known.values()].filter(
    ({ verdict, judgedAtEpochMs }) => verdict && judgedAtEpochMs === undefined,
  );
  await judging.send(unjudged.map(({ digest }) => ({ kind: 'judge', digest })));
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

/** A build may push several tags, with one event each. Events of the same instant are one push. */
function firstSeenNowOf(pushes: readonly ImageAction[]): readonly SeenPush[] {
  const instants = Map.groupBy(pushes, ({ digest, atEpochMs }) => `${digest} ${atEpochMs}`);
  return [...instants.values()].flatMap((together) => {
    const [first] = together;
    return first ? [{ ...first, tags: tagsOf(together, first.digest) }] : [];
  });
}

/**
 * Computes heads from the old heads and the pushes: the last push of a head tag wins, as in a full list, so late or
 * repeated events change nothing. An image whose head tag moved on is no longer a head; an old image that gets the tag
 * is.
 */
async function moveHeads(
  ports: PushPorts,
  policy: Policy,
  location: ImageLocation,
  pushed: readonly Digest[],
): Promise<void> {
  const before = await ports.streams.streams(streamsAt(policy, location));
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
  await recordComparedTags(ports.images, policy, { location, listing, indexes });
}

const digestsOf = ({ head }: StreamRecord): readonly Digest[] =>
  head ? (head.index === undefined ? Object.values(head.images) : [head.index]) : [];

interface TagHolders {
  readonly holders: ReadonlyMap<string, TagHolder>;
  /** Whether a digest is the head image itself, or its index. */
  readonly isOf: ((holder: Digest) => boolean) | undefined;
}

/** Tags as the registry would list them. An image of an index that was a head has the tags of the index. */
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
