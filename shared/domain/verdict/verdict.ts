import type { Digest } from '../image/image.ts';
import type { Severity } from '../policy/policy-parts.ts';
import type { Fix } from '../scan/finding.ts';
import type { ScanReason, ScanStateName } from '../scan/scan.ts';

export const VERDICTS = ['compliant', 'violating', 'unknown'] as const;
export type VerdictStatus = (typeof VERDICTS)[number];

/** In the order in which reasons are told. */
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
  /** When it violates, or since when it does; for `waived`, when it will once the waiver is void. */
  readonly deadlineEpochMs?: number;
  readonly waiverId?: string;
  /** The image below whose waiver it is; absent where the image itself is in its scope. */
  readonly waivedThrough?: Digest;
} & ReasonFact;

export type ReasonFact =
  | {
      readonly kind: 'age';
      readonly bornAtEpochMs: number;
      readonly limitDays: number;
      /** What it is built on that is so old; absent where it is the image itself. */
      readonly decidedBy?: Digest;
    }
  | {
      readonly kind: 'age-unknown';
      /** The lowest of what it is built on whose age nobody knows; absent where that is the image itself. */
      readonly decidedBy?: Digest;
      /** The lineage of the image was not read yet, so an older image may be below it. */
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
      /** As `Finding` has it. */
      readonly layer?: Digest;
    }
  | { readonly kind: 'scan'; readonly state: ScanStateName; readonly scanReason?: ScanReason }
  | { readonly kind: 'registry'; readonly registry: string }
  | {
      readonly kind: 'digest-guessed';
      /** One that runs the image by a guess, the first by letters. */
      readonly workload: string;
      /** Scopes in which any does. */
      readonly scopes: number;
    }
  /** The policy in force cannot be read, so nobody can tell what it asks. */
  | { readonly kind: 'policy' };

export interface Verdict {
  readonly status: VerdictStatus;
  /** In a fixed order, so that equal facts give equal bytes. */
  readonly reasons: readonly Reason[];
  /** The policy that judged. */
  readonly policyVersion: string;
  /**
   * The next instant at which the image begins to violate if nothing changes: age, grace or a waiver runs out. Every
   * image of known birth that is not too old already has one, whether or not a reason is `due` yet.
   */
  readonly nextBreachAtEpochMs?: number;
}

/** Whether a verdict was formed before the lineage of its image was read: it says nothing of the age. */
export const isOfUnreadLineage = ({ reasons }: Pick<Verdict, 'reasons'>): boolean =>
  reasons.some((reason) => reason.kind === 'age-unknown' && reason.isLineageUnread === true);
