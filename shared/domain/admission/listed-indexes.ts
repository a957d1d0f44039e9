import { DAY_MS } from '../common/time.ts';
import type { Digest, IndexChild } from '../image/image.ts';
import { BUILT_IN_RULES } from '../policy/built-in-rules.ts';
import type { Policy } from '../policy/policy.ts';
import { voidFromEpochMs } from '../verdict/waiver.ts';
import type { GraceOfDigest, StartOfDigest } from './admit.ts';

/** Clocks differ: of a registry, of a build, and of ours. */
export const CLOCK_DIFFERENCE_MS = DAY_MS;

/**
 * An index recorded before this instant may start nowhere: it was recorded after all of its images were born, so these are over
 * every age limit, and their grace is over, unless a rebuild made one of them again. While a waiver of the age limit counts, any index may start.
 */
export function indexesCountFromEpochMs({ ages, doors, waivers }: Policy, nowEpochMs: number): number {
  const graceMs = (doors?.graceRunningDays ?? 0) * DAY_MS;
  const isAccepted = waivers.some(
    (one) => one.rule === BUILT_IN_RULES.ageLimit && nowEpochMs < voidFromEpochMs(one) + graceMs,
  );
  if (isAccepted) return 0;
  const limits = [ages.default, ...Object.values(ages.tiers ?? {})].map(({ limitDays }) => limitDays);
  return Math.max(0, nowEpochMs - Math.max(...limits) * DAY_MS - graceMs - CLOCK_DIFFERENCE_MS);
}

/**
 * Where an index may start, from what was decided about its images: `admit` takes the strictest objection to any of them.
 * @param startOf of one image
 */
export function startOfIndex(
  images: readonly Pick<IndexChild, 'digest'>[],
  startOf: (image: Digest) => StartOfDigest,
): StartOfDigest {
  const starts = images.map(({ digest }) => startOf(digest));
  if (starts.some(({ start }) => start === 'nowhere')) return { start: 'nowhere' };
  const [first, ...others] = starts.flatMap((one): readonly GraceOfDigest[] =>
    one.start === 'where-it-runs' ? [one] : [],
  );
  if (!first) return { start: 'anywhere' };
  const { untilEpochMs, ruleId } = others.reduce(
    (soonest, one) => (one.untilEpochMs < soonest.untilEpochMs ? one : soonest),
    first,
  );
  return { start: 'where-it-runs', untilEpochMs, ruleId };
}
