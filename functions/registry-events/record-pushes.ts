import { mapConcurrently } from '../../shared/concurrency.ts';
import type { Digest, ImageLocation } from '../../shared/domain/image.ts';
import type { Policy } from '../../shared/domain/policy.ts';
import { type LocationRecord, type StreamRecord, unionOfTags } from '../../shared/domain/records.ts';
import { streamId, streamRulesOf } from '../../shared/domain/stream.ts';
import type { ImageAction } from '../../shared/events/ecr-image-action.ts';
import { recordHeads } from '../../shared/inventory/heads.ts';
import { type RepositoryPorts, readAgain, readRepository } from '../../shared/inventory/repository.ts';
import type { FleetPlaces } from '../../shared/ports/ledger.ts';
import type { RegistryImage } from '../../shared/ports/registry.ts';

const AT_ONCE = 8;

export interface PushPorts extends RepositoryPorts {
  readonly fleetPlaces: FleetPlaces;
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
  // First: a history that no later look at the registry tells again.
  await mapConcurrently(sightingsOf(pushes), AT_ONCE, ({ digest, tags, atEpochMs }) =>
    ports.places.recordLocation({
      ...{ digest, location, tags },
      ...{ firstPushSeenAtEpochMs: atEpochMs, lastPushSeenAtEpochMs: atEpochMs },
    }),
  );
  // One after the other: pushes of a batch are mostly of one tag.
  for (const { digest, tag, atEpochMs } of pushes)
    if (tag !== undefined) await ports.places.recordPush(location, tag, { digest, atEpochMs });
  const pushed = [...new Set(pushes.map(({ digest }) => digest))].sort();
  const digests = Object.fromEntries(pushed.map((digest) => [digest, tagsOf(pushes, digest)]));
  const { failure } = await readRepository(ports, policy, { location, isListed: false, digests, tags: {} });
  if (failure) throw failure.error;
  await readAgain(() => moveHeads(ports, policy, location, pushed));
}

const tagsOf = (pushes: readonly ImageAction[], digest: Digest): readonly string[] =>
  unionOfTags(pushes.flatMap((push) => (push.digest === digest && push.tag !== undefined ? [push.tag] : [])));

interface PushSighting {
  readonly digest: Digest;
  readonly tags: readonly string[];
  readonly atEpochMs: number;
}

/** A build puts several tags on what it pushes, and each of them is told by itself: what came at one instant is one push. */
function sightingsOf(pushes: readonly ImageAction[]): readonly PushSighting[] {
  const instants = Map.groupBy(pushes, ({ digest, atEpochMs }) => `${digest} ${atEpochMs}`);
  return [...instants.values()].flatMap((together) => {
    const [first] = together;
    return first ? [{ ...first, tags: tagsOf(together, first.digest) }] : [];
  });
}

/**
 * Heads by what was the head and what was pushed: the last first push of an image decides, as where a repository is
 * listed, so an event that is late or comes twice moves nothing.
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
  const [places, indexes] = await Promise.all([
    ports.fleetPlaces.locationsOf(digests.map((digest) => ({ digest, locations: [location] }))),
    ports.places.indexes(digests),
  ]);
  const listing = digests.map((digest) => listed(digest, places.get(digest) ?? [], heads.has(digest)));
  await recordHeads(ports, policy, { location, listing, indexes, before });
}

const digestsOf = ({ head }: StreamRecord): readonly Digest[] =>
  head ? (head.index === undefined ? Object.values(head.images) : [head.index]) : [];

/** As the registry would list it. An image of an index that was a head has the tags of that index, not its own. */
function listed(digest: Digest, [record]: readonly LocationRecord[], isHead: boolean): RegistryImage {
  const { tags = [], askedTags = [], firstPushSeenAtEpochMs: pushedAtEpochMs } = record ?? {};
  return {
    digest,
    tags: isHead ? unionOfTags(tags, askedTags) : tags,
    ...(pushedAtEpochMs !== undefined && { pushedAtEpochMs }),
    archived: false,
  };
}
