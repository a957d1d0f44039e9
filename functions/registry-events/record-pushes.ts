import { mapConcurrently } from '../../shared/concurrency.ts';
import { type Digest, type ImageLocation, locationKey } from '../../shared/domain/image.ts';
import type { Policy } from '../../shared/domain/policy.ts';
import { type StreamRecord, unionOfTags } from '../../shared/domain/records.ts';
import { streamId, streamRulesOf } from '../../shared/domain/stream.ts';
import type { ImageAction } from '../../shared/events/ecr-image-action.ts';
import { recordHeads } from '../../shared/inventory/heads.ts';
import { type RepositoryPorts, readAgain, readRepository } from '../../shared/inventory/repository.ts';
import type { RegistryImage } from '../../shared/ports/registry.ts';

const AT_ONCE = 8;

/**
 * Writes down pushes to one repository: the history of its tags, the facts of what was pushed, and the heads of its
 * release lines. It has no way to start anything: whoever pushed, nothing follows from a push alone.
 * @throws RegistryUnreachableError, LedgerContendedError where others move its heads time and again
 */
export async function recordPushes(
  ports: RepositoryPorts,
  policy: Policy,
  location: ImageLocation,
  pushes: readonly ImageAction[],
): Promise<void> {
  // First: a history that no later look at the registry tells again.
  await mapConcurrently(pushes, AT_ONCE, ({ digest, tag, atEpochMs }) =>
    ports.places.recordLocation({
      ...{ digest, location, tags: tag === undefined ? [] : [tag] },
      ...{ firstPushSeenAtEpochMs: atEpochMs, lastPushSeenAtEpochMs: atEpochMs },
    }),
  );
  const pushed = [...new Set(pushes.map(({ digest }) => digest))].sort();
  const digests = Object.fromEntries(pushed.map((digest) => [digest, tagsOf(pushes, digest)]));
  const { failure } = await readRepository(ports, policy, { location, isListed: false, digests, tags: [] });
  if (failure) throw failure.error;
  await readAgain(() => moveHeads(ports, policy, location, pushed));
}

const tagsOf = (pushes: readonly ImageAction[], digest: Digest): readonly string[] =>
  unionOfTags(pushes.flatMap((push) => (push.digest === digest && push.tag !== undefined ? [push.tag] : [])));

/**
 * Heads by what was the head and what was pushed: the last first push of an image decides, as where a repository is
 * listed, so an event that is late or comes twice moves nothing.
 */
async function moveHeads(
  ports: RepositoryPorts,
  policy: Policy,
  location: ImageLocation,
  pushed: readonly Digest[],
): Promise<void> {
  const lines = streamRulesOf(policy, location).flatMap(({ headTags }) => headTags);
  const before = await ports.streams.streams([...new Set(lines.map((headTag) => streamId(location, headTag)))]);
  const heads = new Set([...before.values()].flatMap(digestsOf));
  const digests = [...new Set([...heads, ...pushed])];
  const [listing, indexes] = await Promise.all([
    mapConcurrently(digests, AT_ONCE, (digest) => listed(ports, location, digest, heads.has(digest))),
    ports.places.indexes(digests),
  ]);
  await recordHeads(ports, policy, { location, listing, indexes });
}

const digestsOf = ({ head }: StreamRecord): readonly Digest[] =>
  head ? (head.index === undefined ? Object.values(head.images) : [head.index]) : [];

/** As the registry would list it. An image of an index that was a head has the tags of that index, not its own. */
async function listed(
  { places }: RepositoryPorts,
  location: ImageLocation,
  digest: Digest,
  isHead: boolean,
): Promise<RegistryImage> {
  const key = locationKey(location);
  const record = (await places.locations(digest)).find((one) => locationKey(one.location) === key);
  const { tags = [], askedTags = [], firstPushSeenAtEpochMs: pushedAtEpochMs } = record ?? {};
  return {
    digest,
    tags: isHead ? unionOfTags(tags, askedTags) : tags,
    ...(pushedAtEpochMs !== undefined && { pushedAtEpochMs }),
    archived: false,
  };
}
