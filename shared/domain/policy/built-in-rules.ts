/**
 * The rule that every scope of a review can be read. A waiver of it for one account keeps a review from failing because
 * of that account, for example before its role is deployed; the scope stays failed and is reported as such.
 */
export const SCOPE_READABLE = 'scope-readable';

/**
 * Rules with fixed ids. `policy-readable`, `scan-required`, `age-known` and `digest-known` always apply and cannot be
 * waived: unknown never passes. `age-limit` is the limit of the image's tier. `system-supported` is the end of the image's operating
 * system; a rule of the policy makes it violate, and can be waived.
 */
export const BUILT_IN_RULES = {
  policyReadable: 'policy-readable',
  scanRequired: 'scan-required',
  ageKnown: 'age-known',
  digestKnown: 'digest-known',
  ageLimit: 'age-limit',
  systemSupported: 'system-supported',
} as const;
