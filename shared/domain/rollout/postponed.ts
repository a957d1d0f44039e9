import { type Closure, type ServiceOfOthers, serviceKey } from '../cause/cascade.ts';
import { factStatus } from '../cause/fact-status.ts';
import { isService, type RolloutTargets } from '../image/workload-kind.ts';
import type { RolloutMode } from '../policy/rollout-mode.ts';
import { keyOfScope, scopeOf } from '../review/run.ts';
import type { ClosureInputs, RunningImage } from './closure.ts';
import { hasFailed, isDeploymentOver } from './deployment.ts';
import { type LeftReason, type RolloutPlan, serviceOf } from './rollout.ts';

/**
 * Services that a plan skips because of a mode, because of the rollout of their own stream, or because the cascade did
 * not verify another stream of theirs. They are planned again: the policy may change, and no later cascade has to build
 * the other stream. If another stream of the service is left to its owner, that stream decides (`decidedByOthers`).
 * @param rollout of the stream
 */
export const postponedServices = (
  left: RolloutPlan['left'],
  rollout: RolloutMode,
  targets: RolloutTargets,
): readonly string[] => {
  const passing: readonly LeftReason[] = ['paused', 'report-only', 'not-verified'];
  const reasons: readonly LeftReason[] = [...passing, ...(isOwners(rollout) ? [rollout] : [])];
  return leftServices(
    left.filter(({ reason }) => reasons.includes(reason)),
    targets,
  );
};

/**
 * The services that a plan skips because the owner of another stream deploys them. Once the owner has replaced the images
 * of that stream, nothing of it is in the way any longer.
 * @param isOwn whether a stream is the one of the closure
 * @param rolloutOf the rollout of a stream
 */
export function decidedByOthers(
  left: RolloutPlan['left'],
  isOwn: (stream: string) => boolean,
  rolloutOf: (stream: string) => RolloutMode | undefined,
  targets: RolloutTargets,
): readonly ServiceOfOthers[] {
  const own = new Set(
    leftServices(
      left.filter(({ stream }) => isOwn(stream)),
      targets,
    ),
  );
  const theirs = left.filter(({ stream }) => !isOwn(stream) && isOwners(rolloutOf(stream) ?? 'restart'));
  const byService = Map.groupBy(theirs, ({ usage }) => serviceKey(serviceOf(usage)));
  return [...byService].flatMap(([service, all]) =>
    own.has(service) ? [{ service, digests: [...new Set(all.map(({ usage }) => usage.digest))].sort() }] : [],
  );
}

/**
 * The services that a plan skips, each once. A workload to which Patchwave does not deploy at all is no service: once that
 * is switched on, its rollout is planned like that of a new one.
 */
export const leftServices = (left: RolloutPlan['left'], targets: RolloutTargets): readonly string[] => {
  const services = left.filter(({ usage }) => isService(usage, targets));
  return [...new Set(services.map(({ usage }) => serviceKey(serviceOf(usage))))];
};

/** Patchwave deploys nothing in this mode. */
export const isOwners = (rollout: RolloutMode): rollout is 'none' | 'pipeline' =>
  rollout === 'none' || rollout === 'pipeline';

/**
 * The services whose rollout is planned again for an open closure, if a complete read since then shows that they still
 * run an image with the cause:
 * - a mode, the rollout of the stream, another deployment or an unverified stream of the service was in the way
 * - the owner of another stream of the service has replaced its images since
 * - the deployment failed, and the stream has a new head
 * - they run the verified image, a later scan found the cause in it, and the stream has a new head
 * - the rollout did not know them: the service had no task at the last review, or is new
 * An older read shows what ran before, so the same plan would result.
 */
export function servicesToPlanAnew(closure: Closure, seen: ClosureInputs, targets: RolloutTargets): readonly string[] {
  if (closure.state !== 'open' || closure.abandoned) return [];
  const since = new Map((closure.postponed ?? []).map((service) => [service, closure.sinceEpochMs]));
  for (const service of seen.undecided ?? []) since.set(service, closure.sinceEpochMs);
  const over = new Map<string, number>();
  for (const deployment of seen.deployments) {
    if (!isDeploymentOver(deployment)) continue;
    const { service, endedAtEpochMs = 0, postponed } = deployment;
    over.set(service, Math.max(closure.sinceEpochMs, endedAtEpochMs));
    if (postponed || (seen.isHeadReplaced && hasFailed(deployment)))
      since.set(service, Math.max(closure.sinceEpochMs, endedAtEpochMs));
  }
  const holders = seen.running.filter(
    (one) => (seen.isHeadReplaced || !seen.output.has(one.image.digest)) && hasFacts(closure, one, seen),
  );
  // Streams built on an image of this stream have their own rollout.
  const isUnknown = (service: string, isOwn: boolean): boolean =>
    isOwn && closure.services?.includes(service) === false && closure.left?.includes(service) === false;
  const read = new Map(seen.scopes.map(({ key, completeAtEpochMs = 0 }) => [key, completeAtEpochMs]));
  const due = holders.flatMap(({ image, usages }) =>
    usages.flatMap((usage) => {
      const service = serviceKey(serviceOf(usage));
      const sinceEpochMs = seen.output.has(image.digest)
        ? (over.get(service) ?? closure.sinceEpochMs)
        : (since.get(service) ??
          (isUnknown(service, usage.digest === image.digest) ? closure.sinceEpochMs : undefined));
      const isRead = sinceEpochMs !== undefined && (read.get(keyOfScope(scopeOf(usage))) ?? 0) >= sinceEpochMs;
      return isService(usage, targets) && isRead ? [service] : [];
    }),
  );
  return [...new Set(due)].sort();
}

/** Whether a service runs the verified image, and a later scan found a fact of the closure in it. */
export const isOutputAffected = (closure: Closure, seen: Pick<ClosureInputs, 'running' | 'output'>): boolean =>
  seen.running.some(
    (one) => seen.output.has(one.image.digest) && one.usages.length > 0 && hasFacts(closure, one, seen),
  );

/** The age of a verified image cannot turn out wrong later; only findings can. */
const hasFacts = ({ facts }: Closure, { image }: RunningImage, { output }: Pick<ClosureInputs, 'output'>): boolean =>
  facts.some((fact) => (fact.kind === 'finding' || !output.has(image.digest)) && factStatus(fact, image) === 'present');
