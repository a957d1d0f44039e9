/** A pipeline of a team, in its own account; named by the policy only. */
export interface Pipeline {
  readonly runner: 'codepipeline';
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
