/**
 * How a verified image reaches its workloads. `pipeline`: the team's pipeline deploys it, and Patchwave does nothing.
 * `restart`: the service restarts its tasks, so that its tag resolves to the new image. `register`: a new revision of
 * the task definition names it. `none`: nothing deploys it.
 */
export const ROLLOUT_MODES = ['pipeline', 'restart', 'register', 'none'] as const;

export type RolloutMode = (typeof ROLLOUT_MODES)[number];

/** From least to most change. */
const BY_REACH = ['none', 'pipeline', 'restart', 'register'] as const satisfies readonly RolloutMode[];

/** The less active one of the modes that two policy versions set for a stream. */
export const stricterRollout = (one: RolloutMode, other: RolloutMode): RolloutMode =>
  BY_REACH.indexOf(one) <= BY_REACH.indexOf(other) ? one : other;
