/**
 * Every kind of runner. Each has its adapter in `shared/adapters/runners.ts` and its run event in
 * `shared/events/run-events.ts`; the compiler reports missing ones.
 */
export const RUNNER_KINDS = ['codepipeline'] as const;

export type RunnerKind = (typeof RUNNER_KINDS)[number];

/** The default runner of a pipeline. */
export const DEFAULT_RUNNER: RunnerKind = 'codepipeline';

/** A pipeline of a team, in its own account; named by the policy only. */
export interface Pipeline {
  readonly runner: RunnerKind;
  readonly account: string;
  readonly region: string;
  readonly name: string;
  /** The output variable that names the pushed digest; default `IMAGE_DIGEST`. */
  readonly digestVariable?: string;
}

/** The default name of the output variable with the pushed digest. */
export const DIGEST_VARIABLE = 'IMAGE_DIGEST';

export const pipelineKey = ({ runner, account, region, name }: Pipeline): string =>
  `${runner}/${account}/${region}/${name}`;
