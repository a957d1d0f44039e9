import type { Digest } from '../../shared/domain/image/image.ts';
import { imagesUnder } from '../../shared/inventory/index-images.ts';
import { logger } from '../../shared/lambda/powertools.ts';
import { policyInForce } from '../../shared/review/policy-in-force.ts';
import type { FollowPorts } from './follow-heads.ts';
import { placeNew, readAround } from './read-around.ts';

export type PlaceImagePorts = Pick<FollowPorts, 'policies' | 'judging'> & Parameters<typeof readAround>[0];

/**
 * Finds the lineage of an image, or of those of an index, for whose verdict somebody waits. Those with a verdict are judged
 * again, because it does not cover the age; a scan that goes on has the others judged when it ends.
 * @throws LineageIncompleteError if something could not be read
 */
export async function placeImage(ports: PlaceImagePorts, digest: Digest): Promise<void> {
  const { policy, unreadable } = await policyInForce(ports.policies);
  if (unreadable) {
    logger.warn(`Patchwave did not search for the parents of ${digest}: ${unreadable.message}`);
    return;
  }
  const known = [...(await ports.images.get(await imagesUnder(ports.places, digest))).values()];
  const unplaced = known.filter(({ lineage }) => !lineage).map((image) => image.digest);
  if (unplaced.length === 0) return;
  await placeNew(ports, policy, await readAround(ports, policy, unplaced), unplaced);
  const judged = [...(await ports.images.get(unplaced)).values()].filter(({ verdict }) => verdict);
  await ports.judging.send(judged.map((image) => ({ kind: 'judge', digest: image.digest })));
}
