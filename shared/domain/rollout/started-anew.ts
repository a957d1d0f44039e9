import { type Digest, locationKey } from '../image/image.ts';
import { readImageReference } from '../image/reference.ts';
import type { Mode, Policy } from '../policy/policy.ts';
import { type RolloutMode, stricterRollout } from '../policy/rollout-mode.ts';
import { makingLineOf, streamId, streamRulesOf } from '../stream/stream.ts';
import { modeIn, streamPolicy, stricter } from '../stream/stream-policy.ts';
import { isOwners } from './postponed.ts';

/** Why Patchwave deploys no image of a stream. */
export interface ImageRestraint {
  /** The stream's id; the repository, where nothing tells of which of its streams the image is. */
  readonly source: string;
  readonly by: Exclude<Mode, 'enforce'> | Extract<RolloutMode, 'none' | 'pipeline'>;
}

/**
 * What keeps Patchwave from deploying the image that a tag means: the strictest mode of its stream, its registry's account,
 * its pipeline's account and the service's account, or else the rollout of its stream. `undefined` where nothing does: also
 * for a reference with a digest, which means the same after a deployment, and for an image that no rule of the policy names.
 * @param image as the task definition names it
 * @param account of the service
 * @param stream of what the tag means now, where the ledger knows it; a head tag names its stream by itself
 */
export function restraintOfImage(
  policy: Policy,
  image: string,
  account: string,
  stream?: string,
): ImageRestraint | undefined {
  const { location, tag, digest } = readImageReference(image) ?? {};
  if (!location || tag === undefined || digest !== undefined) return undefined;
  const rules = streamRulesOf(policy, location);
  const line = makingLineOf(rules, [tag]);
  const named = line ? streamId(location, line.headTag) : stream;
  const all = rules.flatMap(({ headTags }) => headTags.map((headTag) => streamId(location, headTag)));
  const streams = named === undefined || rules.length === 0 ? all : [named];
  const source = named ?? locationKey(location);
  const mode = streams.map((one) => modeIn(policy, one, account)).reduce(stricter, 'enforce');
  if (mode !== 'enforce') return { source, by: mode };
  const rollout = streams.map((one) => streamPolicy(policy, one).rollout).reduce(stricterRollout, 'register');
  return isOwners(rollout) ? { source, by: rollout } : undefined;
}

/**
 * A container that is started anew because another one of its service is deployed: ECS starts all containers of a task, and
 * each tag then means what it means in its registry by then.
 */
export interface StartedAnew {
  readonly container: string;
  /** As the task definition names it. */
  readonly image: string;
  /** What its tag means now: an index with its images, or an image; empty where it means nothing. */
  readonly means: readonly Digest[];
  /** What its tasks run, as far as that is known. */
  readonly runs: readonly Digest[];
  readonly restraint: ImageRestraint | undefined;
}

/**
 * Why a service may not be deployed for the sake of one of its containers: another one would get an image that Patchwave may
 * not deploy. One whose tasks are not known to run what its tag means now would.
 */
export function restrainedContainer(others: readonly StartedAnew[]): string | undefined {
  for (const { container, image, means, runs, restraint } of others)
    if (restraint && !means.some((digest) => runs.includes(digest)))
      return `other-container: a deployment also starts container ${container} with what "${image}" means now, and the policy says \`${KEYS[restraint.by]}: ${restraint.by}\` of ${restraint.source}. Deploy the service yourself, or change the policy.`;
  return undefined;
}

const KEYS = { paused: 'mode', 'report-only': 'mode', none: 'rollout', pipeline: 'rollout' } as const;
