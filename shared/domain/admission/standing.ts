import { DAY_MS } from '../common/time.ts';
import type { Policy } from '../policy/policy.ts';
import type { ImageRecord, LastResults } from '../verdict/image-record.ts';
import { goodUntilEpochMs, knownUntilEpochMs } from '../verdict/last-result.ts';

/*
 * Whether an image is in good standing in a place: it ran there within the grace, and began there while nothing forbade it. The
 * inventory records a presence for each image and place; a door reads it together with the image.
 */

/**
 * What an objection is: a fact about this content or reference, a doubt of Patchwave, or a rule of the policy that the content
 * itself does not change with time.
 */
export const OBJECTION_CLASSES = ['fact', 'doubt', 'rule'] as const;
export type ObjectionClass = (typeof OBJECTION_CLASSES)[number];

/**
 * How an image began in a place. `good`: nothing forbade it, or nothing forbade it later while it ran. `forbidden`: a fact or a
 * rule forbade it, so a break-glass or a door that only warns let it start. `undecided`: Patchwave did not know yet.
 */
export const STANDINGS = ['good', 'forbidden', 'undecided'] as const;
export type Standing = (typeof STANDINGS)[number];

/** An image in a namespace or an ECS cluster: it runs there, or it did. */
export interface Presence {
  /** Of the present period: a gap of at most the grace continues it, so that no restart begins another one. */
  readonly beganAtEpochMs?: number;
  /** Absent while it runs. */
  readonly endedAtEpochMs?: number;
  /** Absent in items of versions before 0.3.0. */
  readonly standing?: Standing;
  /** Its beginning is unknown: it ran at the first complete reading of the place. Facts that were due then count from then. */
  readonly countsFromEpochMs?: number;
}

/** The record of the image, as far as a standing follows from it. */
export type JudgedRecord = Pick<ImageRecord, 'verdict' | 'judgedAtEpochMs' | 'scan' | keyof LastResults>;

export type GracePolicy = Pick<Policy, 'staleScanHours'> & {
  readonly doors?: Pick<NonNullable<Policy['doors']>, 'graceRunningDays'> | undefined;
};

const graceMs = ({ doors }: GracePolicy): number => (doors?.graceRunningDays ?? 0) * DAY_MS;

/** Whether an image is in good standing by its presence in a place. @param image absent if the ledger has no record of it */
export function isInGoodStanding(
  presence: Presence,
  image: JudgedRecord | undefined,
  policy: GracePolicy,
  nowEpochMs: number,
): boolean {
  const { standing } = presence;
  if (!isRecent(presence, policy, nowEpochMs)) return false;
  if (standing !== 'undecided') return standing !== 'forbidden';
  return image !== undefined && isSettled(image, presence, policy, nowEpochMs);
}

/** Whether an image runs in a place, or ran there within the grace. */
export const isRecent = ({ endedAtEpochMs }: Presence, policy: GracePolicy, nowEpochMs: number): boolean =>
  endedAtEpochMs === undefined || nowEpochMs - endedAtEpochMs < graceMs(policy);

/** Whether a result shows that nothing forbade the image when a presence began: its own, or that of another image of its index. */
export function isSettled(
  image: JudgedRecord,
  { beganAtEpochMs = 0, countsFromEpochMs }: Presence,
  policy: GracePolicy,
  nowEpochMs: number,
): boolean {
  // Of an unknown beginning any result suffices: it says what was due, and that counts from the first reading.
  if (countsFromEpochMs !== undefined) return knownUntilEpochMs(image, policy, nowEpochMs) !== undefined;
  return (goodUntilEpochMs(image, policy, nowEpochMs) ?? Number.NEGATIVE_INFINITY) >= beganAtEpochMs;
}

/** What a complete reading of a place knows of an image that runs there. */
export interface SeenImage {
  /** What a door would object to the image, as if it denied, without a break-glass and without grace. */
  readonly objections: ReadonlySet<ObjectionClass>;
  /** It runs only by names that a door would refuse, since then. */
  readonly refusedNameSinceEpochMs?: number;
  /** As the ledger knows it; absent if it has no record yet. */
  readonly image?: JudgedRecord | undefined;
  /** Its verdict is by another policy than that of the reading, which may forbid it. */
  readonly isOfOtherPolicy: boolean;
  /** No earlier reading of the place recorded how images began. */
  readonly isFirstReading: boolean;
  /**
   * It began there no earlier: the later of when the complete reading before this one began, and when a workload there first named
   * it. Absent if there is neither.
   */
  readonly earliestEpochMs?: number;
  /** Until when a break-glass let every image start there, at the latest now. Absent if none counted since the reading before. */
  readonly openUntilEpochMs?: number;
}

/** The presence of an image that a reading sees run; the one before, if nothing changes. */
export function presenceSeen(
  before: Presence | undefined,
  found: SeenImage,
  policy: GracePolicy,
  nowEpochMs: number,
): Presence {
  const known = before && isRecent(before, policy, nowEpochMs) ? before : undefined;
  const isUnknown = found.isFirstReading && known?.standing === undefined;
  const countsFromEpochMs = isUnknown ? nowEpochMs : known?.countsFromEpochMs;
  const began = {
    beganAtEpochMs: known?.beganAtEpochMs ?? nowEpochMs,
    ...(countsFromEpochMs !== undefined && { countsFromEpochMs }),
  };
  // An item of an earlier version counts as good, as long as its period lasts.
  const earlier = known && !isUnknown ? (known.standing ?? 'good') : undefined;
  const { standing, ...from } = standingSeen(earlier, began, found, policy, nowEpochMs);
  return known?.standing === standing && known.endedAtEpochMs === undefined ? known : { ...began, ...from, standing };
}

function standingSeen(
  earlier: Standing | undefined,
  began: Presence & { readonly beganAtEpochMs: number },
  found: SeenImage,
  policy: GracePolicy,
  nowEpochMs: number,
): Pick<Presence, 'beganAtEpochMs'> & { readonly standing: Standing } {
  const { objections, refusedNameSinceEpochMs, image, openUntilEpochMs = Number.NEGATIVE_INFINITY } = found;
  const isUnknown = began.countsFromEpochMs !== undefined;
  if (earlier === 'good') return { standing: 'good' };
  // It may have begun as soon as that: what was good then began while nothing forbade it. But as long as the place was open, the
  // break-glass may have let it start.
  const beganAtEpochMs =
    earlier === undefined ? Math.max(found.earliestEpochMs ?? nowEpochMs, openUntilEpochMs) : began.beganAtEpochMs;
  const isNameRefused = !isUnknown && refusedNameSinceEpochMs !== undefined;
  if (isNameRefused && beganAtEpochMs > refusedNameSinceEpochMs) return { standing: 'forbidden' };
  // The results of the image decide it at the door, so no reading has to write what they say.
  if (earlier === 'undecided') return { standing: 'undecided' };
  // What another policy says of it, only its next verdict shows.
  const isUnjudged = !isUnknown && found.isOfOtherPolicy;
  // Without an objection it could begin right now.
  if (objections.size === 0 && !isNameRefused)
    return isUnjudged
      ? { standing: 'undecided', beganAtEpochMs: earlier === undefined ? beganAtEpochMs : nowEpochMs }
      : { standing: 'good' };
  if (earlier === 'forbidden') return { standing: 'forbidden' };
  if (image && isSettled(image, { ...began, beganAtEpochMs }, policy, nowEpochMs))
    return isUnjudged ? { standing: 'undecided', beganAtEpochMs } : { standing: 'good' };
  const isForbidden = !isUnknown && (objections.has('fact') || objections.has('rule'));
  return { standing: isForbidden ? 'forbidden' : 'undecided' };
}

/**
 * The presence of an image that a complete reading no longer shows. Without one before, nothing tells how it began: it is in good
 * standing if a result shows that nothing forbade it when it ended.
 */
export const presenceEnded = (before: Presence | undefined, endedAtEpochMs: number): Presence => ({
  ...(before ?? { standing: 'undecided', beganAtEpochMs: endedAtEpochMs }),
  endedAtEpochMs: before?.endedAtEpochMs ?? endedAtEpochMs,
});
