import { collect } from '../../shared/concurrency.ts';
import { HOUR_MS } from '../../shared/domain/common/time.ts';
import { isDatedByDigest } from '../../shared/domain/image/birth.ts';
import { type Digest, type ImageLocation, locationKey } from '../../shared/domain/image/image.ts';
import { type BaseRepository, coversPlace } from '../../shared/domain/lineage/base-readings.ts';
import { chainIds } from '../../shared/domain/lineage/chain-id.ts';
import { possibleBasesOf } from '../../shared/domain/lineage/possible-bases.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { streamsAt } from '../../shared/domain/stream/stream.ts';
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
 * Reads possible parent repositories before new images of a repository count as known: the base's push event may be
 * lost or late, and an image on an unknown base would seem to have no parent. Nothing is read if the layers of each new
 * image start with those of a known head of such a repository. Otherwise each repository is listed once, and read only
 * if it contains an unknown image. A repository that no review has read, or that is unreadable now, is left to the next
 * review. Until then images that may be built on it have no age (`hiddenParentsIn`).
 */
export const basesFirst = (ports: BasePorts, policy: Policy, location: ImageLocation): BeforeRecording =>
  readingBasesOf(ports, policy, location, new Set([locationKey(location)]));

/** @param begun repositories that need no further read; keys of read ones are added */
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
    // In sequence, bases first: a platform counts as known only after its parent.
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
 * Whether the layers of each image start with those of a known head: any image in between is younger than that head.
 * This fails if a rebuild confirmed the content of the head again, or if only the push dates it. Heads under a pattern
 * do not count, because they need a registry list.
 */
async function areShown(
  { streams, images }: BasePorts,
  policy: Policy,
  bases: readonly BaseRepository[],
  fresh: readonly (readonly Digest[])[],
): Promise<boolean> {
  const lines = bases.filter((base) => !isPattern(base)).flatMap((base) => streamsAt(policy, base));
  const records = await streams.streams([...new Set(lines)]);
  const heads = await images.get([...records.values()].flatMap(({ head }) => Object.values(head?.images ?? {})));
  const aged = [...heads.values()].filter(
    (head) => isDatedByDigest(head.birth) && head.reconfirmedAtEpochMs === undefined,
  );
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
  /** As named in the policy. */
  readonly base: BaseRepository;
  /** Start of the last review that read it: earlier pushes are known. */
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

/** A registry that refuses stops no push of others; the next review reports it. */
async function leaveUnread(
  ports: BasePorts,
  base: BaseRepository,
  location: ImageLocation,
  error: unknown,
): Promise<void> {
  if (!(error instanceof RegistryUnreachableError)) throw error;
  await recordUnread(ports, base, location, error.message);
}

/** Until the next review has read it, images that may be built on its content stay undecided. */
async function recordUnread(
  { baseReadings, clock }: BasePorts,
  base: BaseRepository,
  location: ImageLocation,
  why: string,
): Promise<void> {
  await baseReadings.addUnread(locationKey(location), locationKey(base), clock());
  logger.warn(`Patchwave cannot read ${locationKey(location)}, so parents there can stay unknown: ${why}`);
}

/** Two clocks: the registry dates pushes, and ours dates the start of a read. */
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
