import { MetricUnit } from '@aws-lambda-powertools/metrics';
import { mapConcurrently } from '../../shared/concurrency.ts';
import { doubtedStarts, mayBeDoubted } from '../../shared/domain/admission/doubted-start.ts';
import { HOUR_MS } from '../../shared/domain/common/time.ts';
import { doorPlaceText } from '../../shared/domain/policy/doors.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import type { ImageRecord } from '../../shared/domain/verdict/image-record.ts';
import { metrics } from '../../shared/lambda/metrics.ts';
import { logger } from '../../shared/lambda/powertools.ts';
import type { PresencesOfImages } from '../../shared/ports/admission.ts';
import type { Clock } from '../../shared/ports/clock.ts';

export interface DoubtPorts {
  readonly running: PresencesOfImages;
  readonly clock: Clock;
}

const READS_AT_ONCE = 8;
/** Of one batch. */
const MOST_LOGGED = 20;

/**
 * A review judges each image once a day. It also counts a scan result that becomes stale before the next review, except in the last
 * hour before it: the next review counts that one, in the first hour of the doubt.
 */
export const UNTIL_NEXT_REVIEW_MS = 23 * HOUR_MS;

/**
 * Counts the images that a door lets start only by their good standing, because Patchwave has a doubt about them. An alarm watches
 * the metric, so it goes off in the first hour of the doubt, also if nothing restarts. Never throws: a doubt counts, too, if nothing
 * says where the image runs.
 * @param images as they were just judged, or as the ledger has them where that failed
 * @param aheadMs doubts that begin so soon count already, if nothing but time changes
 */
export async function countDoubts(
  ports: DoubtPorts,
  policy: Policy,
  images: readonly ImageRecord[],
  aheadMs = 0,
): Promise<void> {
  const instants = [ports.clock(), ports.clock() + aheadMs];
  const found = await mapConcurrently(images, READS_AT_ONCE, async (image) => {
    const atEpochMs = instants.find((one) => mayBeDoubted(image, policy, one));
    return atEpochMs === undefined ? [] : doubtOn(ports, policy, image, atEpochMs);
  });
  const doubted = found.flat();
  if (doubted.length === 0) return;
  metrics.addMetric('ImagesDoubted', MetricUnit.Count, doubted.length);
  logger.warn('images may start only by their good standing, because Patchwave has a doubt about them', {
    count: doubted.length,
    images: doubted.slice(0, MOST_LOGGED),
  });
}

interface LoggedDoubt {
  readonly digest: string;
  readonly owner?: string;
  /** The place that refuses it first. */
  readonly place?: string;
  readonly places?: number;
  readonly ruleId?: string;
  readonly message: string;
}

async function doubtOn(
  { running }: DoubtPorts,
  policy: Policy,
  image: ImageRecord,
  atEpochMs: number,
): Promise<readonly LoggedDoubt[]> {
  const about = { digest: image.digest, ...(image.owner !== undefined && { owner: image.owner }) };
  try {
    const starts = doubtedStarts(image, await running.presencesOf(image.digest), policy, atEpochMs);
    const [first] = starts;
    if (!first) return [];
    const { place, ruleId, message } = first;
    return [{ ...about, place: doorPlaceText(place), places: starts.length, ruleId, message }];
  } catch (error) {
    return [{ ...about, message: `Where it runs could not be read: ${String(error)}` }];
  }
}
