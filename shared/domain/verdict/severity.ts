import type { Tier } from '../image/image.ts';
import type { Policy, SeverityRule } from '../policy/policy.ts';
import { type Finding, findingKey } from '../scan/finding.ts';

/** The severity rules that a finding in an image of a tier falls under, in the order of the policy. */
export const severityRulesOf = (policy: Policy, tier: Tier, finding: Finding): SeverityRule[] =>
  policy.severities.filter(
    ({ severities, fix, tiers }) =>
      severities.includes(finding.severity) && fix.includes(finding.fix) && (tiers?.includes(tier) ?? true),
  );

/**
 * What to remember as first seen, by `findingKey`: findings that fall under a rule, at the instant of the scan that
 * told of them. The ledger keeps the earliest, so it does not matter who judges first, nor how often.
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
