import { MINUTE_MS } from '../common/time.ts';
import type { GuardSettings } from '../policy/guard-settings.ts';
import type { Pipeline } from '../policy/pipeline.ts';
import { MODES, type Mode, type Policy, type StreamRule } from '../policy/policy.ts';
import type { RolloutMode } from '../policy/rollout-mode.ts';
import { parseStreamId, streamRulesOf } from './stream.ts';
import { strictestMode } from './tier.ts';

/** What a policy says of the rebuilds of one stream. */
export interface StreamPolicy {
  /** Whether a rule names the stream. One that no rule names any more is not acted upon. */
  readonly isNamed: boolean;
  /** The strictest of all that hold for a build: of the stream, its registry's account and its pipeline's account. */
  readonly mode: Mode;
  /** Absent where the policy names none, as is the time that a build may take. */
  readonly pipeline?: Pipeline;
  readonly buildMs?: number;
  readonly rollout: RolloutMode;
  /** Its pipeline pushes `<tag>-candidate`, and the tag itself moves once that is verified. */
  readonly promotes: boolean;
  readonly guards: GuardSettings;
  readonly caps: Policy['caps'];
}

/** What holds for a stream; for one that no rule names any more, what holds for none. */
export function streamPolicy(policy: Policy, stream: string): StreamPolicy {
  const { location, headTag } = parseStreamId(stream);
  const rule = streamRulesOf(policy, location).find(({ headTags }) => headTags.includes(headTag));
  const { guards, caps } = policy;
  if (!rule) return { isNamed: false, mode: 'report-only', rollout: 'none', promotes: false, guards, caps };
  const { tier, owner, id, account, rollout, promotes } = rule;
  const accounts = [account, rule.pipeline?.account ?? account];
  return {
    isNamed: true,
    mode: strictestMode(policy, { tier, owner, accounts, rule: id }),
    ...(rule.pipeline && {
      pipeline: pipelineOf(rule.pipeline, location),
      buildMs: rule.pipeline.buildMinutes * MINUTE_MS,
    }),
    rollout,
    promotes,
    guards,
    caps,
  };
}

/** A pipeline stands where its stream's registry is, unless the policy says otherwise. */
const pipelineOf = (
  { runner, account, region, name, digestVariable }: NonNullable<StreamRule['pipeline']>,
  place: Pick<Pipeline, 'account' | 'region'>,
): Pipeline => ({
  runner,
  account: account ?? place.account,
  region: region ?? place.region,
  name,
  digestVariable,
});

/**
 * The strictest mode that holds for an action of a stream in one more account: that of a service which is deployed, or
 * that of a pipeline which an earlier policy named.
 */
export const modeIn = (policy: Policy, stream: string, account: string): Mode =>
  stricter(streamPolicy(policy, stream).mode, policy.modes.accounts?.[account] ?? 'enforce');

export const stricter = (one: Mode, other: Mode): Mode => (MODES.indexOf(one) > MODES.indexOf(other) ? one : other);
