import type { SourceLabel, SourceProblem } from '../image/config-facts.ts';
import type { Digest } from '../image/image.ts';
import type { Severity } from '../policy/policy-parts.ts';
import type { Fix } from '../scan/finding.ts';
import type { PackageKind, ScanReason, ScanStateName } from '../scan/scan.ts';
import type { TagProblem } from '../stream/tag-rules.ts';

export const VERDICTS = ['compliant', 'violating', 'unknown'] as const;
export type VerdictStatus = (typeof VERDICTS)[number];

/** In the order in which reasons are listed. */
export const REASON_EFFECTS = ['violates', 'unknown', 'due', 'waived'] as const;
export type ReasonEffect = (typeof REASON_EFFECTS)[number];

/**
 * One reason, as data. `ruleId` is the id in the policy, or one of the built-in ids of `BUILT_IN_RULES`.
 * `effect` says what the reason does to the verdict: `violates` and `unknown` decide it; `due` will violate at
 * `deadlineEpochMs`; `waived` would have violated but for the waiver.
 */
export type Reason = {
  readonly ruleId: string;
  readonly effect: ReasonEffect;
  /** When it violates or began to; for `waived`, when it will once the waiver ends. */
  readonly deadlineEpochMs?: number;
  readonly waiverId?: string;
  /** The ancestor with the waiver; absent if the image itself is in its scope. */
  readonly waivedThrough?: Digest;
  /**
   * Of a reason that violates: until when a waiver covered it, of an ancestor, or one whose scope the image left. Absent if none
   * did, if the deadline is later, or if the grace of doors is over since.
   */
  readonly waivedUntilEpochMs?: number;
  /**
   * Of a reason that violates: since when the policies in force have objected so (`datedVerdict`). Of a rule always, also if it
   * is unknown what it asks for, but for a verdict of a version before 0.3.0; of an age or a finding only if the deadline is earlier, and the grace of doors goes on.
   */
  readonly sinceEpochMs?: number;
  /**
   * Of the same: since when they have objected so without a pause, or a verdict shows it, if that is later. What began before began
   * while nothing forbade it.
   */
  readonly unbrokenSinceEpochMs?: number;
} & ReasonDetail;

export type ReasonDetail =
  | {
      readonly kind: 'age';
      readonly bornAtEpochMs: number;
      readonly limitDays: number;
      /** The ancestor with that age; absent if it is the image itself. */
      readonly decidedBy?: Digest;
    }
  | {
      readonly kind: 'age-unknown';
      /** The lowest ancestor of unknown age; absent if that is the image itself. */
      readonly decidedBy?: Digest;
      /** The lineage of the image is not read yet, so an ancestor may be older. */
      readonly isLineageUnread?: true;
    }
  | {
      readonly kind: 'finding';
      readonly vulnerability: string;
      readonly package: string;
      readonly version: string;
      readonly severity: Severity;
      readonly fix: Fix;
      readonly firstSeenAtEpochMs: number;
      /** As in `Finding`. */
      readonly layer?: Digest;
      /** As in `Finding`. */
      readonly isLanguagePackage?: true;
      /** As in `Finding`. */
      readonly isExploited?: true;
      /**
       * The EPSS score in whole percent, so that a verdict does not change with its daily moves; absent if the scanner does
       * not say, or below one.
       */
      readonly epssPercent?: number;
    }
  | { readonly kind: 'scan'; readonly state: ScanStateName; readonly scanReason?: ScanReason }
  | { readonly kind: 'registry'; readonly registry: string }
  | {
      readonly kind: 'source';
      /** Absent if neither label is known, because the config was not read. */
      readonly label?: SourceLabel;
      readonly problem?: SourceProblem;
      /** The config of the image below was not read, so its labels may be inherited. */
      readonly isParentUnread?: true;
    }
  | {
      readonly kind: 'user';
      /** `User` of the config, empty if it names none; absent if it is unknown. */
      readonly user?: string;
    }
  | {
      readonly kind: 'tag';
      /** Absent, with the problem, if some of its tags are unknown. */
      readonly tag?: string;
      readonly problem?: TagProblem;
    }
  | {
      readonly kind: 'digest-guessed';
      /** A workload that runs the image by a guess, alphabetically first. */
      readonly workload: string;
      /** The number of scopes with such a workload. */
      readonly scopes: number;
    }
  | {
      readonly kind: 'system';
      /** As in `ImageSystem`; absent if it is unknown. */
      readonly system?: { readonly id: string; readonly version?: string };
      /** The ancestor that names the system; absent if it is the image itself, or none does. */
      readonly decidedBy?: Digest;
      /** The policy has the rule, so that the image violates past the end. Without it the image is unknown then. */
      readonly isRule?: true;
    }
  /** The policy in force cannot be read, so its rules are unknown. */
  | { readonly kind: 'policy' };

/** The effect of a reason that is `due`, once its deadline has passed. */
export const effectWhenDue = (reason: Reason): ReasonEffect =>
  reason.kind === 'system' && !reason.isRule ? 'unknown' : 'violates';

export interface Verdict {
  readonly status: VerdictStatus;
  /** Sorted, so that equal inputs give equal bytes. */
  readonly reasons: readonly Reason[];
  /**
   * The kinds of packages of which the last scan result tells: empty without one. Absent in a verdict of a version before 0.3.0,
   * of which it is unknown.
   */
  readonly covers?: readonly PackageKind[];
  /** The policy version of the verdict. */
  readonly policyVersion: string;
  /**
   * The next time at which the image begins to violate if nothing changes: its age, grace or waiver ends. Every image
   * with a known birth below its limit has one, also without a `due` reason.
   */
  readonly nextBreachAtEpochMs?: number;
  /** Wrong tags that the image has no longer, those that ended last first; absent without one. */
  readonly endedTags?: readonly EndedTag[];
}

/** A rule forbade a tag that then was taken away, or was not known. If it comes back soon, its grace goes on (`withEndedTags`). */
export interface EndedTag {
  /** Absent for one of many that are not kept. */
  readonly tag?: string;
  readonly sinceEpochMs: number;
  readonly untilEpochMs: number;
}

/** How many compliant images have a scan of which coverage; of the others it is unknown. */
export interface CoverageCounts {
  readonly os: number;
  /** The operating system, and languages too. */
  readonly language: number;
}

/** A status with what the scan behind it covers, because no scan of the system alone tells of languages. */
export const verdictText = ({ status, covers }: Pick<Verdict, 'status' | 'covers'>): string =>
  `${status} (${coverageText(covers)})`;

export function coverageText(covers: Verdict['covers']): string {
  if (covers === undefined) return COVERAGE_UNKNOWN;
  return covers.length === 0 ? 'no scan' : covers.join(', ');
}

/** Compliant images, by what their scans cover. */
export function compliantText(
  compliant: number,
  { os, language }: CoverageCounts = NO_COVERAGE,
  word = ' compliant',
): string {
  const parts = [
    [os, 'os'],
    [language, 'os, language'],
    [compliant - os - language, COVERAGE_UNKNOWN],
  ] as const;
  const named = parts.filter(([count]) => count > 0).map(([count, covers]) => `${count}${word} (${covers})`);
  return named.length > 0 ? named.join(', ') : `0${word}`;
}

const COVERAGE_UNKNOWN = 'coverage unknown';
const NO_COVERAGE: CoverageCounts = { os: 0, language: 0 };

/** The sum of what is known, to spread: empty if nothing is. */
export function sumOfCoverage(all: readonly (CoverageCounts | undefined)[]): {
  readonly compliantCovers?: CoverageCounts;
} {
  const sum = all.reduce<CoverageCounts>(
    (one, other = NO_COVERAGE) => ({ os: one.os + other.os, language: one.language + other.language }),
    NO_COVERAGE,
  );
  return sum.os + sum.language === 0 ? {} : { compliantCovers: sum };
}

/** One compliant verdict as a count; `undefined` if its coverage is unknown. */
export function coverageOf({ covers }: Pick<Verdict, 'covers'>): CoverageCounts | undefined {
  if (!covers?.includes('os')) return undefined;
  return covers.includes('language') ? { os: 0, language: 1 } : { os: 1, language: 0 };
}

/** Whether a verdict was made before the lineage of its image was read, so it does not cover the age. */
export const isOfUnreadLineage = ({ reasons }: Pick<Verdict, 'reasons'>): boolean =>
  reasons.some((reason) => reason.kind === 'age-unknown' && reason.isLineageUnread === true);

/**
 * A verdict whose waived reasons violate once their waiver has ended, as the next judgement will say. Only reasons change,
 * never the status.
 */
export function withoutEndedWaivers(verdict: Verdict, nowEpochMs: number): Verdict {
  const hasEnded = ({ effect, deadlineEpochMs }: Reason): boolean =>
    effect === 'waived' && deadlineEpochMs !== undefined && deadlineEpochMs <= nowEpochMs;
  if (!verdict.reasons.some(hasEnded)) return verdict;
  return {
    ...verdict,
    reasons: verdict.reasons.map((reason) => (hasEnded(reason) ? { ...reason, effect: 'violates' } : reason)),
  };
}
