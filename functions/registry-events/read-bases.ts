import { collect } from '../../shared/concurrency.ts';
import { isDated } from '../../shared/domain/age/effective-age.ts';
import { HOUR_MS } from '../../shared/domain/common/time.ts';
import { type Digest, type ImageLocation, locationKey } from '../../shared/domain/image/image.ts';
import { type BaseRepository, coversPlace } from '../../shared/domain/lineage/base-readings.ts';
import { chainIds } from '../../shared/domain/lineage/chain-id.ts';
import { possibleBasesOf } from '../../shared/domain/lineage/possible-bases.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { streamId, streamRulesOf } from '../../shared/domain/stream/stream.ts';
import { isResolved } from '../../shared/inventory/artifacts.ts';
import { type RepositoryPorts, readRepository } from '../../shared/inventory/repository.ts';
import type { BeforeRecording } from '../../shared/inventory/repository-images.ts';
import { logger } from '../../shared/lambda/powertools.ts';
import { RegistryUnreachableError } from '../../shared/ports/errors.ts';
import type { BaseReadingLedger } from '../../shared/ports/ledger.ts';

export interface BasePorts extends RepositoryPorts {
  readonly baseReadings: Pick<BaseReadingLedger, 'read' | 'addUnread'>;
}

/**
 * Reads the repositories that new images of a repository may be built on before these images count as known: the event of
 * a base's push may be lost or late, and an image on a base that the ledger does not know would seem to be built on nothing.
 * Nothing is read where the layers of each new image begin with those of a known head of such a repository. Otherwise each of
 * the repositories is listed once, and it is read only where it holds an image that the ledger does not know. One that no
 * review has read yet is left to the next one: until then images that may be built on it have no age (`hiddenParentsIn`). So
 * it is with one that cannot be read now.
 */
export const basesFirst = (ports: BasePorts, policy: Policy, location: ImageLocation): BeforeRecording =>
  readingBasesOf(ports, policy, location, new Set([locationKey(location)]));

/** @param begun repositories that need no further reading; the keys of those that are read are added */
function readingBasesOf(
  ports: BasePorts,
  policy: Policy,
  location: ImageLocation,
  begun: Set<string>,
): BeforeRecording {
  return async (fresh) => {
    const bases = possibleBasesOf(policy, location);
    if (bases.length === 0 || (await areShown(ports, policy, bases, fresh))) return;
    const readings = await ports.baseReadings.read();
    // One after the other, bases first: a platform counts as known after what it is built on.
    for (const base of bases) {
      const readAtEpochMs = readings?.read[locationKey(base)];
      if (readAtEpochMs === undefined) continue;
      for await (const place of placesOf(ports, base)) {
        if (begun.has(locationKey(place))) continue;
        begun.add(locationKey(place));
        await readUnknown(ports, policy, place, { base, readAtEpochMs, begun });
      }
    }
  };
}

/**
 * Whether the layers of each image begin with those of a known head: what lies between the two is younger than that head,
 * unless a rebuild confirmed the content of the head again, or only its push tells when it was made. Heads of repositories that a pattern
 * names do not count: only a list of the registry tells which these are.
 */
async function areShown(
  { streams, images }: BasePorts,
  policy: Policy,
  bases: readonly BaseRepository[],
  fresh: readonly (readonly Digest[])[],
): Promise<boolean> {
  const lines = bases
    .filter((base) => !isPattern(base))
    .flatMap((base) =>
      streamRulesOf(policy, base).flatMap(({ headTags }) => headTags.map((headTag) => streamId(base, headTag))),
    );
  const records = await streams.streams([...new Set(lines)]);
  const heads = await images.get([...records.values()].flatMap(({ head }) => Object.values(head?.images ?? {})));
  const aged = [...heads.values()].filter((head) => isDated(head.birth) && head.reconfirmedAtEpochMs === undefined);
  const chains = new Set(aged.flatMap(({ chainId }) => chainId ?? []));
  return fresh.every((layers) => chainIds(layers).some((chain) => chains.has(chain)));
}

const isPattern = ({ repository }: BaseRepository): boolean => repository.includes('*');

async function* placesOf(ports: BasePorts, base: BaseRepository): AsyncIterable<ImageLocation> {
  const { account, region, repository } = base;
  if (!isPattern(base)) return yield { account, region, repository };
  try {
    for await (const page of ports.registry.repositories({ account, region }))
      for (const name of page)
        if (coversPlace(base, { account, region, repository: name })) yield { account, region, repository: name };
  } catch (error) {
    await leaveUnread(ports, base, base, error);
  }
}

interface Asked {
  /** As the policy names it. */
  readonly base: BaseRepository;
  /** When the last review that read it began to: what was pushed before that is known. */
  readonly readAtEpochMs: number;
  readonly begun: Set<string>;
}

async function readUnknown(
  ports: BasePorts,
  policy: Policy,
  location: ImageLocation,
  { base, readAtEpochMs, begun }: Asked,
): Promise<void> {
  try {
    if (!(await hasUnknown(ports, location, readAtEpochMs))) return;
  } catch (error) {
    return leaveUnread(ports, base, location, error);
  }
  const question = { location, isListed: true, digests: {}, tags: {} };
  const { failure, leftUnread } = await readRepository(
    ports,
    policy,
    question,
    readingBasesOf(ports, policy, location, begun),
  );
  if (failure) await leaveUnread(ports, base, location, failure.error);
  else if (leftUnread !== undefined) await recordUnread(ports, base, location, leftUnread);
}

/** A registry that refuses stops no push of others: the next review names it. */
async function leaveUnread(
  ports: BasePorts,
  base: BaseRepository,
  location: ImageLocation,
  error: unknown,
): Promise<void> {
  if (!(error instanceof RegistryUnreachableError)) throw error;
  await recordUnread(ports, base, location, error.message);
}

/** Until the next review has read it, nothing is concluded of an image that may be built on what it holds. */
async function recordUnread(
  { baseReadings, clock }: BasePorts,
  base: BaseRepository,
  location: ImageLocation,
  why: string,
): Promise<void> {
  await baseReadings.addUnread(locationKey(location), locationKey(base), clock());
  logger.warn(`${locationKey(location)} cannot be read, so parents in it may be missing: ${why}`);
}

/** Two clocks: that of the registry tells pushes, and ours the begin of a reading. */
const SKEW_MS = HOUR_MS;

async function hasUnknown(
  { registry, images, places }: BasePorts,
  location: ImageLocation,
  readAtEpochMs: number,
): Promise<boolean> {
  const listing = (await collect(registry.images(location))).flat();
  const asked = listing.flatMap(({ digest, pushedAtEpochMs }) =>
    pushedAtEpochMs === undefined || pushedAtEpochMs + SKEW_MS >= readAtEpochMs ? [digest] : [],
  );
  if (asked.length === 0) return false;
  const [known, indexes] = await Promise.all([images.get(asked), places.indexes(asked)]);
  return asked.some((digest) => !isResolved(known.get(digest)) && !indexes.has(digest));
}
