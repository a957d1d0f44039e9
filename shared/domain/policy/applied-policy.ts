import type { Policy } from './policy.ts';

/** A version of the policy, and when it was in force. */
export interface AppliedPolicy {
  readonly version: string;
  readonly policy: Policy;
  /** 0 if an earlier version of Patchwave did not record it. */
  readonly fromEpochMs: number;
  /** Absent for the one in force. */
  readonly untilEpochMs?: number;
}

/**
 * Since when the policies in force have objected to something, without a pause as long as the grace: a looser policy for a few
 * days, or another id of the rule, does not begin it again. `undefined` if the newest does not object.
 * @param applied the newest first
 * @param dueUnder when a policy objects, or began to; `undefined` if it never does
 */
export function objectedSince(
  applied: readonly AppliedPolicy[],
  dueUnder: (policy: AppliedPolicy) => number | undefined,
  graceMs: number,
): number | undefined {
  let sinceEpochMs: number | undefined;
  for (const one of applied) {
    const dueEpochMs = dueUnder(one);
    const { fromEpochMs, untilEpochMs = Number.POSITIVE_INFINITY } = one;
    const beganEpochMs = dueEpochMs === undefined ? Number.POSITIVE_INFINITY : Math.max(fromEpochMs, dueEpochMs);
    if (beganEpochMs >= untilEpochMs) {
      if (sinceEpochMs === undefined && one.untilEpochMs === undefined) return undefined;
      continue;
    }
    if (sinceEpochMs !== undefined && sinceEpochMs - untilEpochMs >= graceMs) break;
    sinceEpochMs = beganEpochMs;
  }
  return sinceEpochMs;
}
