import type { Tier } from '../image/image.ts';
import type { Policy, SeverityRule } from '../policy/policy.ts';
import { type Finding, findingKey } from '../scan/finding.ts';

/** The severity rules that apply to a finding in an image of a tier, in policy order. */
export const severityRulesOf = (
  policy: Policy,
  tier: Tier,
  finding: Pick<Finding, 'severity' | 'fix'>,
): SeverityRule[] =>
  policy.severities.filter(
    ({ severities, fix, tiers }) =>
      severities.includes(finding.severity) && fix.includes(finding.fix) && (tiers?.includes(tier) ?? true),
  );

/**
 * The first-seen times to store, by `findingKey`: findings that match a rule, at the time of their scan. The ledger
 * keeps the earliest, so order and repetition make no difference.
 */
export function firstSeenNow(
  policy: Policy,
  tier: Tier,
  findings: readonly Finding[],
  completedAtEpochMs: number,
): Map<string, number> {
  const matching = findings.filter((finding) => severityRulesOf(policy, tier, finding).length > 0);
  return new Map(matching.map((finding) => [findingKey(finding), completedAtEpochMs]));
}
