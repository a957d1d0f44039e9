import { MINUTE_MS } from '../common/time.ts';
import type { GuardSettings } from '../policy/guard-settings.ts';
import { headTagProblem } from '../policy/head-tag.ts';
import type { Pipeline } from '../policy/pipeline.ts';
import type { Mode, Policy, StreamRule } from '../policy/policy.ts';
import type { RolloutMode } from '../policy/rollout-mode.ts';
import { stricter, strictestMode } from './mode.ts';
import { lineOf, parseStreamId } from './stream.ts';

/** The policy settings for the rebuilds of one stream. */
export interface StreamPolicy {
  /** Whether a rule names the stream. Patchwave leaves an unnamed one alone. */
  readonly isNamed: boolean;
  /** The pattern of its head tags; absent if no rule names it and its name is no pattern. */
  readonly headTag?: string;
  /** The strictest mode for a build: of the stream, its registry's account and its pipeline's account. */
  readonly mode: Mode;
  /** Absent if the policy names none, like the time limit of a build. */
  readonly pipeline?: Pipeline;
  readonly buildMs?: number;
  readonly rollout: RolloutMode;
  /** Its pipeline pushes `<tag>-candidate`, and Patchwave moves the tag once the image is verified. */
  readonly promotes: boolean;
  readonly guards: GuardSettings;
  readonly caps: Policy['caps'];
}

/**
 * A stream that the policy never lets Patchwave rebuild is like a vendor's: its children have one try by themselves, and
 * it adds nothing to the depth of a plan. A stream that the policy no longer names was left out by mistake or is about to
 * go, so its children wait.
 */
export function isEverBuilt(policy: Policy, stream: string): boolean {
  const { isNamed, mode, pipeline } = streamPolicy(policy, stream);
  return !isNamed || (mode !== 'report-only' && pipeline !== undefined);
}

/** The settings for a stream; for an unnamed one, the defaults. */
export function streamPolicy(policy: Policy, stream: string): StreamPolicy {
  const { rule, headTag } = lineOf(policy, stream) ?? {};
  const { location, name } = parseStreamId(stream);
  const { guards, caps } = policy;
  if (!rule) {
    const known = headTagProblem(name) === undefined ? { headTag: name } : {};
    return { isNamed: false, ...known, mode: 'report-only', rollout: 'none', promotes: false, guards, caps };
  }
  const { tier, owner, id, account, rollout, promotes } = rule;
  const accounts = [account, rule.pipeline?.account ?? account];
  return {
    isNamed: true,
    ...(headTag !== undefined && { headTag }),
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

/**
 * Which heads of a stream are scanned and judged although they do not run: `all`, or `in-use`, those of streams that
 * running images are built on. By default all of bases, which age without a new head below them. A platform that is not
 * in use follows its base. Applications that do not run never count, and neither does a stream that no rule names.
 */
export function watchedHeads(policy: Policy, stream: string): 'all' | 'in-use' {
  const { tier, heads } = streamRuleOf(policy, stream) ?? {};
  if (tier === undefined || tier === 'application') return 'in-use';
  return heads ?? (tier === 'base' ? 'all' : 'in-use');
}

/** The rule that names a stream. */
export const streamRuleOf = (policy: Policy, stream: string): StreamRule | undefined => lineOf(policy, stream)?.rule;

/** A pipeline is in the account and Region of its stream's registry, unless the policy says otherwise. */
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
 * The strictest mode for an action of a stream that involves one more account: that of the deployed service, or that of
 * a pipeline from an earlier policy.
 */
export const modeIn = (policy: Policy, stream: string, account: string): Mode =>
  stricter(streamPolicy(policy, stream).mode, policy.modes.accounts?.[account] ?? 'enforce');
