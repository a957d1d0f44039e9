import * as v from '../../schema.ts';
import { type Policy, policySchema } from './policy.ts';

/** The version of the built-in policy, which is no hash. */
export const BUILT_IN_VERSION = 'built-in';

/**
 * The policy of a review while the one in force cannot be read. It names nothing and only reports. An unnamed image is
 * not gone, so nothing known about an image, stream or closure is removed because of it, and its verdicts do not count:
 * see `evaluate`.
 */
export const BUILT_IN_POLICY: Policy = v.parse(policySchema, {
  version: 1,
  mode: 'report-only',
  // It applies to no image: under this policy each one is `unknown`.
  ages: { default: { limitDays: 30 } },
  streams: [],
  severities: [],
});

/** A single object, so that it is recognised even without its version. */
export const isBuiltIn = (policy: Policy): boolean => policy === BUILT_IN_POLICY;
