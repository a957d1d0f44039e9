/**
 * Every kind of runner. Each has its adapter in `shared/adapters/runners.ts` and the event of its runs in
 * `shared/events/run-events.ts`; the compiler names what is missing there.
 */
export const RUNNER_KINDS = ['codepipeline'] as const;

export type RunnerKind = (typeof RUNNER_KINDS)[number];

/** Runs a pipeline for which the policy names no runner. */
export const DEFAULT_RUNNER: RunnerKind = 'codepipeline';

/** A pipeline of a team, in its own account; named by the policy only. */
export interface Pipeline {
  readonly runner: RunnerKind;
  readonly account: string;
  readonly region: string;
  readonly name: string;
  /** Names the digest that a run pushed, among the output variables of its actions; `IMAGE_DIGEST` where left out. */
  readonly digestVariable?: string;
}

/** What a team's pipeline calls the digest it pushed, where the policy names nothing else. */
export const DIGEST_VARIABLE = 'IMAGE_DIGEST';

export const pipelineKey = ({ runner, account, region, name }: Pipeline): string =>
  `${runner}/${account}/${region}/${name}`;
