/**
 * How a verified image reaches what runs. `pipeline`: the team's pipeline deploys, and nothing is called. `restart`: the
 * service starts its tasks anew, so that its tag means the new image. `register`: a new revision of the task definition
 * names it. `none`: nobody deploys it.
 */
export const ROLLOUT_MODES = ['pipeline', 'restart', 'register', 'none'] as const;

export type RolloutMode = (typeof ROLLOUT_MODES)[number];

/** From what changes nothing to what changes most. */
const BY_REACH = ['none', 'pipeline', 'restart', 'register'] as const satisfies readonly RolloutMode[];

/** Of the modes that two versions of a policy give a stream, the one that changes less. */
export const stricterRollout = (one: RolloutMode, other: RolloutMode): RolloutMode =>
  BY_REACH.indexOf(one) <= BY_REACH.indexOf(other) ? one : other;
