import { chainIds } from '../../shared/domain/chain.ts';
import { declaredParentsIn } from '../../shared/domain/declared-parents.ts';
import { findStandings } from '../../shared/domain/found-standing.ts';
import type { Digest } from '../../shared/domain/image.ts';
import { digestsClaimed } from '../../shared/domain/lineage-claims.ts';
import type { Policy } from '../../shared/domain/policy.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { ChainLedger } from '../../shared/ports/ledger.ts';
import { LineageIncompleteError } from './errors.ts';
import { type ReadFleet, type ReadPorts, readFleet } from './read-fleet.ts';

export interface AroundPorts extends Omit<ReadPorts, 'declaredParents'> {
  readonly chains: ChainLedger;
  readonly clock: Clock;
}

/**
 * Some images, all that their layers or labels say they may stand on, and what that stands on: as much of the fleet as
 * tells their parents as a look at all of it would. What only names tell waits for the next review.
 * @throws LineageIncompleteError where something could not be read: nothing is concluded from the rest
 */
export async function readAround(ports: AroundPorts, policy: Policy, digests: readonly Digest[]): Promise<ReadFleet> {
  const contents = [...(await ports.contents.get(digests)).values()];
  const claimed = contents.flatMap((content) => digestsClaimed(content));
  const [below, indexes] = await Promise.all([
    ports.chains.imagesOf(contents.flatMap(({ layers }) => chainIds(layers))),
    ports.places.indexes(claimed),
  ]);
  const children = [...indexes.values()].flat().map(({ digest }) => digest);
  const reading = { ...ports, declaredParents: declaredParentsIn(policy) };
  const fleet = await readFleet(reading, [], [...digests, ...below, ...claimed, ...children]);
  const [first] = fleet.failures;
  if (first) throw new LineageIncompleteError(fleet.failures.length, first.key, first.error);
  return fleet;
}

/**
 * Writes down what images stand on by all that is known around them, whatever was found before: what they were built on may
 * have been told of only now.
 */
export async function placeNew(
  ports: AroundPorts,
  { ages }: Policy,
  fleet: ReadFleet,
  digests: readonly Digest[],
): Promise<ReturnType<typeof findStandings>> {
  const images = new Map(fleet.images);
  for (const digest of digests) {
    const { standing: _, ...image } = images.get(digest) ?? {};
    if ('aged' in image) images.set(digest, image);
  }
  const found = findStandings({ ...fleet, images, isWhole: false }, ports.clock(), ages.vendorCounts);
  for (const digest of digests) {
    const standing = found.of(digest);
    if (standing) await ports.images.recordStanding(digest, (before) => ({ ...before, ...standing }));
  }
  return found;
}
