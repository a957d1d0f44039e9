import { type ImageLocation, locationKey } from '../domain/image/image.ts';
import type { ScanReading } from '../domain/scan/scan.ts';
import { compareScanReasons, SCAN_REASONS } from '../domain/scan/scan-reasons.ts';
import type { ImageRecord } from '../domain/verdict/image-record.ts';
import type { Scanner } from '../ports/scanner.ts';
import { watchedFirst } from './watched-first.ts';

type Refusal = Extract<ScanReading, { outcome: 'refused' }>;

/**
 * The last result at the first location that has one, those that Amazon Inspector watches first. Without a result, the most informative refusal counts, then the
 * first place by name, so that the order of reads makes no difference.
 */
export async function readAnywhere(
  scanner: Pick<Scanner, 'read' | 'scanning'>,
  locations: readonly ImageLocation[],
  { digest, findingsCount }: Pick<ImageRecord, 'digest' | 'findingsCount'>,
): Promise<ScanReading> {
  const refusals: { readonly location: ImageLocation; readonly refusal: Refusal }[] = [];
  for (const location of await watchedFirst(scanner, locations)) {
    const reading = await scanner.read(location, digest, findingsCount);
    if (reading.outcome !== 'refused' || SCAN_REASONS[reading.reason].about !== 'place') return reading;
    refusals.push({ location, refusal: reading });
  }
  const [most] = refusals.sort(
    (one, other) =>
      compareScanReasons(one.refusal.reason, other.refusal.reason) ||
      (locationKey(one.location) < locationKey(other.location) ? -1 : 1),
  );
  return (
    most?.refusal ?? {
      outcome: 'refused',
      state: 'off',
      reason: 'not-in-ecr',
      detail: 'the image has no location in Amazon ECR',
    }
  );
}
