import { type Digest, locationKey } from '../image/image.ts';
import { readImageReference } from '../image/reference.ts';
import type { Mode, Policy } from '../policy/policy.ts';
import { type RolloutMode, stricterRollout } from '../policy/rollout-mode.ts';
import { stricter } from '../stream/mode.ts';
import { makingLineOf, streamId, streamRulesOf, streamsAt } from '../stream/stream.ts';
import { modeIn, streamPolicy } from '../stream/stream-policy.ts';
import { isOwners } from './postponed.ts';

/** Why Patchwave deploys no image of a stream. */
export interface ImageRestraint {
  /** The stream's id, or the repository if the stream of the image is unknown. */
  readonly source: string;
  readonly by: Exclude<Mode, 'enforce'> | Extract<RolloutMode, 'none' | 'pipeline'>;
}

/**
 * Why Patchwave must not deploy the image of a tag: the strictest mode of its stream, its registry's account, its
 * pipeline's account and the service's account, or else the rollout of its stream. `undefined` if nothing forbids it;
 * also for a reference with a digest, which a deployment does not change, and for an image that no policy rule names.
 * @param image as in the task definition
 * @param account of the service
 * @param stream of the tag's image, if the ledger knows it; a head tag names its stream by itself
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
  const named = line ? streamId(location, line.name) : stream;
  const streams = named === undefined || rules.length === 0 ? streamsAt(policy, location) : [named];
  const source = named ?? locationKey(location);
  const mode = streams.map((one) => modeIn(policy, one, account)).reduce(stricter, 'enforce');
  if (mode !== 'enforce') return { source, by: mode };
  const rollout = streams.map((one) => streamPolicy(policy, one).rollout).reduce(stricterRollout, 'register');
  return isOwners(rollout) ? { source, by: rollout } : undefined;
}

/**
 * A container that restarts because another one of its service is deployed: ECS starts all containers of a task, and
 * each tag is resolved again.
 */
export interface StartedAnew {
  readonly container: string;
  /** As in the task definition. */
  readonly image: string;
  /** The current digests of its tag: an index with its images, or an image; empty if there is none. */
  readonly means: readonly Digest[];
  /** The digests that its tasks run, as far as known. */
  readonly runs: readonly Digest[];
  readonly restraint: ImageRestraint | undefined;
}

/**
 * Why a service must not be deployed for one of its containers: another container would get an image that Patchwave
 * must not deploy. That is assumed unless its tasks are known to run the current image of its tag.
 */
export function restrainedContainer(others: readonly StartedAnew[]): string | undefined {
  for (const { container, image, means, runs, restraint } of others)
    if (restraint && !means.some((digest) => runs.includes(digest)))
      return `other-container: deploying this service would also start container ${container} with the image that "${image}" names now. ${runs.length > 0 ? '' : UNKNOWN}The policy forbids that: ${restraint.source} has \`${KEYS[restraint.by]}: ${restraint.by}\`. Deploy the service yourself, or change the policy.`;
  return undefined;
}

const UNKNOWN = 'Patchwave does not know whether the container runs that image already, so it assumes a new one. ';
const KEYS = { paused: 'mode', 'report-only': 'mode', none: 'rollout', pipeline: 'rollout' } as const;
