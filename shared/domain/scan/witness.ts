import { compareTexts } from '../common/compare-texts.ts';
import { counted } from '../common/counted.ts';
import { DAY_MS, MINUTE_MS } from '../common/time.ts';
import { type Digest, placedKey } from '../image/image.ts';
import type { EndedUsage } from '../image/usage.ts';

/** What Amazon Inspector says about the use of an image: a count of tasks of ECS and pods of EKS, and the last instant. */
export interface InUse {
  readonly count: number;
  readonly lastAtEpochMs: number;
}

/** An image in one repository that Inspector says is in use. */
export interface ImageInUse extends InUse {
  /** Its `locationKey`. */
  readonly repository: string;
  readonly digest: Digest;
}

/** Inspector may count a task for so long after its end. */
export const WITNESS_LAG_MS = DAY_MS;

/** The tolerance between Inspector's clock and ours. */
const CLOCK_DIFFERENCE_MS = MINUTE_MS;

/**
 * The images whose use contradicts that nothing runs them since an instant: Inspector saw each later than its own lag allows.
 * A last use in the future proves nothing. Each place of an image counts once, by its latest use.
 */
export function stillWitnessed(
  images: readonly ImageInUse[],
  sinceEpochMs: number,
  nowEpochMs: number,
): readonly ImageInUse[] {
  const late = images.filter(
    ({ count, lastAtEpochMs }) =>
      count > 0 && lastAtEpochMs > sinceEpochMs + WITNESS_LAG_MS && lastAtEpochMs <= nowEpochMs + CLOCK_DIFFERENCE_MS,
  );
  const latestLast = late.toSorted((one, other) => one.lastAtEpochMs - other.lastAtEpochMs || one.count - other.count);
  const byPlace = new Map(latestLast.map((image) => [placedKey(image.repository, image.digest), image]));
  return [...byPlace].sort(([one], [other]) => compareTexts(one, other)).map(([, image]) => image);
}

/**
 * The images whose use is no more than Patchwave saw itself: not those that a usage of the ledger, ended by now, explains. An owner
 * may deploy days after the rollout of Patchwave is over.
 */
export const withoutKnownUses = (
  images: readonly ImageInUse[],
  ended: readonly EndedUsage[],
): readonly ImageInUse[] => {
  const endOf = new Map<Digest, number>();
  for (const { digest, endedAtEpochMs, isPossible } of ended)
    if (!isPossible) endOf.set(digest, Math.max(endedAtEpochMs, endOf.get(digest) ?? endedAtEpochMs));
  return images.filter(({ digest, lastAtEpochMs }) => lastAtEpochMs > (endOf.get(digest) ?? 0) + WITNESS_LAG_MS);
};

export const witnessedText = ({ repository, digest, count, lastAtEpochMs }: ImageInUse): string =>
  `${repository}@${digest} (used by ${counted(count, 'task or pod', 'tasks or pods')}, last at ${new Date(lastAtEpochMs).toISOString()})`;
