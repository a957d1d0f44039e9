import type { Mode, Policy } from '../policy/policy.ts';
import { stricter, strictestMode } from '../stream/mode.ts';
import { classify } from '../stream/tier.ts';
import type { ContainerImage } from './ecs-images.ts';

/**
 * What Patchwave may do about a task: the strictest mode that the policy sets for its account, or for the tier, the owner or the
 * stream of an image that it runs. Only `enforce` lets Patchwave stop it.
 */
export const stopModeOf = (policy: Policy, account: string, images: readonly ContainerImage[]): Mode =>
  images
    .map(({ reference }) => classify(policy, reference === undefined ? {} : { reference }))
    .map(({ tier, owner, rule }) =>
      strictestMode(policy, {
        ...{ tier, accounts: [account] },
        ...(owner !== undefined && { owner }),
        ...(rule !== undefined && { rule }),
      }),
    )
    .reduce(stricter, policy.mode);
