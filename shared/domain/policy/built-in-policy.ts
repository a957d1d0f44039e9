import * as v from '../../schema.ts';
import { type Policy, policySchema } from './policy.ts';

/** The version of the built-in policy, which is no hash. */
export const BUILT_IN_VERSION = 'built-in';

/**
 * The policy of a review while the one in force cannot be read. It names nothing and only reports. What it does not name
 * is not gone, so nothing that an image, stream or closure is known by may be taken away by it; and no verdict by it is
 * one: see `evaluate`.
 */
export const BUILT_IN_POLICY: Policy = v.parse(policySchema, {
  version: 1,
  mode: 'report-only',
  ages: { default: { limitDays: 30 } },
  streams: [],
  severities: [],
});

/** One object stands for it, so that it is known wherever a policy comes without its version. */
export const isBuiltIn = (policy: Policy): boolean => policy === BUILT_IN_POLICY;
