import type { ResolvedLineages } from '../domain/age/resolve-lineage.ts';
import { type Digest, isBearing, locationKey } from '../domain/image/image.ts';
import { ancestorsOf } from '../domain/lineage/find-parents.ts';
import type { Parents } from '../domain/lineage/parent.ts';
import type { Policy } from '../domain/policy/policy.ts';
import { headsByImage, unusedToScan } from '../domain/scan/images-to-scan.ts';
import { watchedHeads } from '../domain/stream/stream-policy.ts';
import type { StreamRecord } from '../domain/stream/stream-record.ts';
import type { Clock } from '../ports/clock.ts';
import type { ImageIndex } from '../ports/ledger.ts';

/* Which images a review looks at, by streams and lineage. */

export const allHeads = (streams: readonly StreamRecord[]): readonly Digest[] =>
  streams.flatMap(({ head }) => Object.values(head?.images ?? {}));

export const withAncestors = (digests: readonly Digest[], { parents }: ResolvedLineages): ReadonlySet<Digest> =>
  new Set(digests.flatMap((digest) => [digest, ...ancestorsOf(parents, digest).map((parent) => parent.digest)]));

/** Ledger keys under which a repository of base and platform streams is listed. */
export interface BaseLists {
  /** Ids of the streams that the policy names. */
  readonly streams: readonly string[];
  /** `locationKey`s, for images without a stream. */
  readonly places: readonly string[];
}

/** Lists of possible parents, including streams that the policy no longer names. */
export function bearingLists(streams: readonly StreamRecord[], lists: BaseLists): ReadonlySet<string> {
  const recorded = streams.filter(({ tier }) => isBearing(tier));
  const known = recorded.flatMap(({ stream, location }) => [stream, locationKey(location)]);
  return new Set([...known, ...lists.streams, ...lists.places]);
}

/** The images to scan and judge although they may not run (`unusedToScan`). */
export function unusedImages(
  policy: Policy,
  streams: readonly StreamRecord[],
  inUse: ReadonlySet<Digest>,
  parents: Parents,
  streamOf: (digest: Digest) => string | undefined,
): readonly Digest[] {
  const watched = { inUse, heads: allHeads(streams.filter((one) => isWatched(policy, one))) };
  return unusedToScan(watched, parents, headsByImage(streams, streamOf));
}

const isWatched = (policy: Policy, { stream, tier }: StreamRecord): boolean =>
  tier !== 'application' && watchedHeads(policy, stream) === 'all';

/**
 * The images with a verdict, sorted. Every judged image in use has a known age or a non-compliant verdict, so the two lists together
 * contain them all.
 */
export async function judgedDigests({
  index,
  clock,
}: {
  readonly index: Pick<ImageIndex, 'bornBefore' | 'withVerdict'>;
  readonly clock: Clock;
}): Promise<Digest[]> {
  const found = new Set<Digest>();
  for await (const page of index.bornBefore(clock())) for (const { digest } of page) found.add(digest);
  for (const status of ['violating', 'unknown'] as const)
    for await (const page of index.withVerdict(status)) for (const digest of page) found.add(digest);
  return [...found].sort();
}
