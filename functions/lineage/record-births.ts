import { mapConcurrently } from '../../shared/concurrency.ts';
import type { ResolvedLineages } from '../../shared/domain/age/resolve-lineage.ts';
import { determineBirth, evidenceIn } from '../../shared/domain/image/birth.ts';
import type { Digest } from '../../shared/domain/image/image.ts';
import { propertiesIn } from '../../shared/domain/verdict/image-updates.ts';
import type { LineageFailure, ReadFleet } from '../../shared/inventory/read-fleet.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { ImageLedger } from '../../shared/ports/ledger.ts';

const WRITES_AT_ONCE = 16;

export interface BirthPorts {
  readonly images: Pick<ImageLedger, 'get' | 'recordProperties'>;
  readonly clock: Clock;
}

/**
 * Records the birth evidence of an older image with the same content. Later reads may miss the older image, because of
 * an application only heads and running images are read. Without the record, a rebuild from a build cache would look
 * young. Base and platform images are always read in full.
 * @returns images whose write failed
 */
export async function recordBirths(
  { images, clock }: BirthPorts,
  fleet: Pick<ReadFleet, 'images'>,
  found: Pick<ResolvedLineages, 'olderBirth'>,
  digests: Iterable<Digest>,
): Promise<readonly LineageFailure[]> {
  const older = [...digests].flatMap((digest) => {
    const tier = fleet.images.get(digest)?.aged.tier;
    const birth = tier === 'base' || tier === 'platform' ? undefined : found.olderBirth(digest);
    return birth ? [{ digest, birth }] : [];
  });
  if (older.length === 0) return [];
  const records = await images.get(older.map(({ digest }) => digest));
  const failures = await mapConcurrently(older, WRITES_AT_ONCE, async ({ digest, birth }) => {
    const record = records.get(digest);
    if (!record) return [];
    try {
      await images.recordProperties(propertiesIn(record), (known) => ({
        ...propertiesIn(known),
        birth: determineBirth([...evidenceIn(known.birth), ...evidenceIn(birth)], clock()),
      }));
      return [];
    } catch (error) {
      return [{ key: digest, error }];
    }
  });
  return failures.flat();
}
