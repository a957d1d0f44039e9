import type { Deployment } from '../../shared/domain/cause/cascade.ts';
import { DAY_MS, MINUTE_MS } from '../../shared/domain/common/time.ts';
import { platformOf } from '../../shared/domain/image/workload-kind.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import {
  begunSince,
  isDeploymentOver,
  progressText,
  type SeenDeployment,
  underWay,
} from '../../shared/domain/rollout/deployment.ts';
import { pinnedReference } from '../../shared/domain/rollout/rollout.ts';
import {
  DeployerUnreachableError,
  DeploymentAlteredError,
  DeploymentRefusedError,
  ServiceChangedError,
  ServiceGoneError,
} from '../../shared/ports/acting-errors.ts';
import type { ServiceRef, ServiceState } from '../../shared/ports/rollouts.ts';
import { recordDeployment } from './answers.ts';
import { environmentStopped } from './environment-stop.ts';
import { DeploymentTakenError } from './errors.ts';
import { withNamedStreams } from './named-stream.ts';
import { restrainedOther } from './other-containers.ts';
import type { RolloutPorts } from './ports.ts';
import { deferred, postponed, type Refusal, refused, superseded } from './refusal.ts';
import type { Pause } from './restraint.ts';
import { sameDeployment } from './same-deployment.ts';
import type { ServiceDocument } from './service-file.ts';
import { refusalOf } from './service-refusal.ts';

/** Lease of a starter: no other step starts the deployment for so long. */
export const START_LEASE_MS = 5 * MINUTE_MS;

/** A deployment of a failed starter appears in the service within this time. */
const SHOWN_WITHIN_MS = 30_000;

/** A starter past this time makes no call: all attempts must fit into the lease. */
const LATEST_CALL_MS = MINUTE_MS;

/** A deployment that bakes for longer fails at its deadline: its cascade waits for it, and ends after 20 days. */
const LONGEST_BAKE_MS = 7 * DAY_MS;

/** Number of re-reads in one step for a service that changes between read and call. */
const MOST_READS = 3;

/** End of the starter's lease. */
export const leasedUntil = ({ startingAtEpochMs, leftUntilEpochMs }: Deployment): number =>
  Math.min(startingAtEpochMs + START_LEASE_MS, leftUntilEpochMs ?? Number.POSITIVE_INFINITY);

/**
 * Releases the lease of a starter that failed or waits and has no call in progress. The lease of a dead starter lapses.
 * If the release fails, the lease lapses too.
 * @param problem why the starter failed; absent if it waits
 */
export async function leaveStart(
  { rollouts, clock }: RolloutPorts,
  { cascadeId, service, starter }: Deployment,
  problem?: string,
): Promise<void> {
  const nowEpochMs = clock();
  const leftUntilEpochMs = nowEpochMs + SHOWN_WITHIN_MS;
  await rollouts
    .changeDeployment(cascadeId, service, ({ failing: { sinceEpochMs = nowEpochMs } = {}, ...before }) =>
      before.state === 'starting' && before.starter === starter
        ? {
            ...{ ...before, leftUntilEpochMs },
            ...(problem !== undefined && { failing: { sinceEpochMs, lastEpochMs: nowEpochMs, problem } }),
          }
        : undefined,
    )
    .catch(() => undefined);
}

interface Begun {
  readonly ref: ServiceRef;
  readonly planned: ServiceDocument;
  /** As recorded, `starting`: by this step or a lost one. */
  readonly stands: Deployment;
  /** As this step would start it. */
  readonly own: Deployment;
  readonly pause: Pause;
  /** The policy in force; absent if unreadable, which counts as a pause. */
  readonly policy: Policy | undefined;
  /** Deadline of its cascade. */
  readonly deadlineEpochMs: number;
}

/** Why a deployment may not start yet, and how long to wait. */
export interface Delay {
  readonly why: string;
  readonly sinceEpochMs: number;
  readonly untilEpochMs: number;
}

export type BegunDeployment =
  | { readonly deployment: Deployment }
  | { readonly delay: Delay }
  | { readonly isPaused: true };

/** No call was made: the service was deployed by another party between read and call. */
interface Changed {
  readonly changed: Deployment;
  readonly error: ServiceChangedError;
}

/**
 * Finds and adopts an unrecorded deployment, or starts one. Only this function requests deployments. If
 * another party deployed the service between read and call, it is read again and decided anew.
 * @throws DeploymentUnknownError if the platform may have started one: the next step searches for it; DeploymentTakenError
 */
export async function begin(ports: RolloutPorts, begun: Begun): Promise<BegunDeployment> {
  let { stands } = begun;
  for (let reads = 1; ; reads += 1) {
    const outcome = await tryToBegin(ports, { ...begun, stands });
    if (!('changed' in outcome)) return outcome;
    stands = outcome.changed;
    if (reads === MOST_READS) throw outcome.error;
  }
}

async function tryToBegin(ports: RolloutPorts, begun: Begun): Promise<BegunDeployment | Changed> {
  const { ref, stands, own, pause } = begun;
  const isOwn = stands.starter === own.starter;
  const isKubernetes = platformOf(ref.service) === 'Kubernetes';
  const isOff = isKubernetes && !ports.targets.eks;
  // A lost step may have changed the workload before it was switched off.
  if (isOff && (isOwn || !stands.from)) return end(ports, stands, SWITCHED_OFF);
  const seen = await readService(ports, ref, isOwn || !stands.from);
  if ('state' in seen) return end(ports, stands, seen);
  const named = await withNamedStreams(ports, seen, inTemplate(begun.planned, seen));
  const planned = 'state' in named ? begun.planned : withoutDoneImages(named, seen);
  const lost = isOwn ? undefined : lostDeployment({ ...planned, mode: stands.mode }, seen, stands);
  if (lost) return run(ports, stands, lost.deploymentId);
  if (isOff) return end(ports, stands, SWITCHED_OFF);
  const theirs = deployedSince(seen, stands);
  if (theirs) return end(ports, stands, superseded(`somebody else deployed ${theirs.taskDefinition} at the same time`));
  const refusal = 'state' in named ? named : await refusalOf(ports, seen, planned);
  if (refusal) return end(ports, stands, plannedAgain(ref, refusal));
  const deploymentMs = own.deadlineEpochMs - own.startingAtEpochMs;
  const same = await sameDeployment(ports, {
    ...{ ref, planned, seen, startingAtEpochMs: stands.startingAtEpochMs, isAsWanted: isAsWanted(planned, seen) },
    deploymentMs,
  });
  // What is ours in Kubernetes names its cascade. A rollout of somebody else may fail by no fault of ours.
  if (same && (!isKubernetes || same.state === 'completed'))
    return run(ports, { ...stands, deadlineEpochMs: deadlineOf(begun, seen) }, same.deploymentId);
  if (same?.state === 'failed') return end(ports, stands, superseded(theirFailure(same)));
  const stopped = await environmentStopped(ports, stands);
  if (stopped) return end(ports, stands, stopped);
  const { failing } = stands;
  if (failing && failing.lastEpochMs >= failing.sinceEpochMs + deploymentMs)
    return end(ports, stands, notStarted(failing));
  const obstacle = obstacleOf(seen, begun, ports.clock());
  if (obstacle) return 'state' in obstacle ? end(ports, stands, obstacle) : { delay: obstacle };
  if (pause === 'wait') return { isPaused: true };
  if (pause) return end(ports, stands, pause);
  const restrained = await restrainedOther(ports, { ref, planned, seen, policy: begun.policy, deploymentMs });
  if (restrained) return end(ports, stands, restrained);
  const taken = await markAsked(ports, { ...begun, own: { ...own, mode: planned.mode } }, seen);
  if (ports.clock() > taken.startingAtEpochMs + LATEST_CALL_MS)
    throw new DeploymentTakenError(taken.cascadeId, taken.service);
  try {
    return await run(ports, taken, await ask(ports, begun, planned, seen));
  } catch (error) {
    if (error instanceof ServiceChangedError) return { changed: taken, error };
    // No call was carried out, and one that is asked for again is refused again.
    if (error instanceof DeployerUnreachableError && !error.isPassing)
      return end(ports, taken, unreachable(ref, error));
    if (!(error instanceof DeploymentRefusedError)) throw error;
    const refusal = refused(`refused: ${error.message}`);
    return end(ports, taken, error instanceof DeploymentAlteredError ? refusal : plannedAgain(ref, refusal));
  }
}

/**
 * The owner of a workload of Kubernetes may end each reason without a new image, such as by a label or a right: the next
 * review plans the workload again.
 */
const plannedAgain = ({ service }: ServiceRef, refusal: Refusal): Refusal =>
  platformOf(service) === 'Kubernetes' && !refusal.abandoned ? { ...refusal, postponed: true } : refusal;

/** A cluster that does not accept the role may stay so for weeks: the next review plans the service again. */
function unreachable({ service }: ServiceRef, { message, isPrivate }: DeployerUnreachableError): Refusal {
  if (platformOf(service) !== 'Kubernetes') return deferred(`unreachable: ${message}`);
  return postponed(`${isPrivate ? 'private-cluster' : 'unreachable'}: ${message}`);
}

const notStarted = ({ sinceEpochMs, problem }: NonNullable<Deployment['failing']>): Refusal =>
  postponed(
    `not-started: each attempt since ${new Date(sinceEpochMs).toISOString()} failed, and none began a deployment: ${problem} Correct that, or deploy the service yourself. The next review plans the service again.`,
  );

/** If each new image is there already, the other containers need a restart. */
const withoutDoneImages = (planned: ServiceDocument, seen: ServiceState): ServiceDocument =>
  planned.mode === 'register' && planned.containers.some(({ mode }) => mode === 'restart') && isAsWanted(planned, seen)
    ? { ...planned, mode: 'restart' }
    : planned;

const SWITCHED_OFF = postponed(
  'eks-rollout-off: Patchwave does not deploy to EKS now, because the parameter RolloutToEks of the hub is false. Set it to true, or deploy the workload yourself.',
);

/**
 * Without containers that run in pods but not in the pod template: ephemeral ones end with their pod, and a webhook adds
 * its own to each new pod. If no other is left, the deployment is refused.
 */
function inTemplate(planned: ServiceDocument, { controller, containers }: ServiceState): ServiceDocument {
  if (controller !== 'KUBERNETES') return planned;
  const defined = planned.containers.filter(({ container }) => containers.some(({ name }) => name === container));
  return defined.length === 0 ? planned : { ...planned, containers: defined };
}

/**
 * @returns why the service cannot be deployed; a service that may have our deployment but is unreachable is undecided.
 * @throws DeployerUnreachableError
 */
async function readService(
  { deployer }: RolloutPorts,
  ref: ServiceRef,
  isUndeployed: boolean,
): Promise<ServiceState | Refusal> {
  try {
    return await deployer.describe(ref);
  } catch (error) {
    if (error instanceof ServiceGoneError) return plannedAgain(ref, refused(`service-gone: ${error.message}`));
    if (!(error instanceof DeployerUnreachableError) || error.isPassing || !isUndeployed) throw error;
    return unreachable(ref, error);
  }
}

/**
 * Finds the deployment of a lost step. The earlier state was recorded before the ECS call: a restart is a newer
 * deployment of that revision, and a new revision is a different one, with the wanted images while it is primary. In
 * Kubernetes a restart names its cascade.
 */
function lostDeployment(
  planned: ServiceDocument,
  seen: ServiceState,
  { from, startingAtEpochMs, cascadeId }: Deployment,
): SeenDeployment | undefined {
  if (!from) return undefined;
  if (seen.controller === 'KUBERNETES') {
    const isOurs = planned.mode === 'restart' || isAsWanted(planned, seen);
    const named = seen.deployments.filter((one) => one.cascadeId === cascadeId && (isOurs || !one.isPrimary));
    // A later change by somebody else keeps the annotation.
    return begunSince(named, 0)[0];
  }
  const newer = begunSince(seen.deployments, startingAtEpochMs).filter(
    ({ deploymentId }) => !from.listed.includes(deploymentId),
  );
  if (planned.mode === 'restart') return newer.find(({ taskDefinition }) => taskDefinition === from.taskDefinition);
  const others = newer.filter(({ taskDefinition }) => taskDefinition !== from.taskDefinition);
  const primary = others.find(({ isPrimary }) => isPrimary);
  return primary && isAsWanted(planned, seen) ? primary : others.find(({ isPrimary }) => !isPrimary);
}

/**
 * In Kubernetes, the template that somebody else made after Patchwave had decided on an earlier one. A patch applies only to
 * the template that it was decided on, so ours was not carried out.
 */
function deployedSince({ controller, deployments }: ServiceState, { from }: Deployment): SeenDeployment | undefined {
  const primary = deployments.find(({ isPrimary }) => isPrimary);
  return controller === 'KUBERNETES' && from && primary?.deploymentId !== from.deploymentId ? primary : undefined;
}

const isAsWanted = (planned: ServiceDocument, seen: ServiceState): boolean => {
  const wanted = imagesOf(planned, seen);
  return seen.containers.every(({ name, image }) => (wanted.get(name) ?? image) === image);
};

/**
 * A deployment of another party is in progress. A new one would stop it, so Patchwave waits as long as a deployment may
 * take. A longer one is its owner's, and the next review shows the result. If only pods that are not available keep it from
 * its end, as on a node that is down, a new one stops nothing.
 */
function obstacleOf(
  seen: ServiceState,
  { stands, own, deadlineEpochMs }: Begun,
  nowEpochMs: number,
): Delay | Refusal | undefined {
  const theirs = underWay(seen, nowEpochMs);
  if (!theirs) return undefined;
  const deploymentMs = own.deadlineEpochMs - own.startingAtEpochMs;
  if (theirs.isUnobserved) {
    const { startingAtEpochMs: sinceEpochMs } = stands;
    const untilEpochMs = Math.min(sinceEpochMs + deploymentMs, deadlineEpochMs);
    if (nowEpochMs < untilEpochMs) return { why: UNOBSERVED, sinceEpochMs, untilEpochMs };
    return postponed(`deployment-under-way: ${UNOBSERVED}. Find out why. The next review plans the service again.`);
  }
  const { state, createdAtEpochMs, progress, isReplaced } = theirs;
  const untilEpochMs = Math.min(createdAtEpochMs + deploymentMs + patienceFor(seen), deadlineEpochMs);
  const stateText =
    state === 'unknown' ? 'may still be in progress: ECS does not report its state' : 'is still in progress';
  const far = theirs.detail ?? (progress && progressText(progress));
  const why = `${startText(theirs)}, ${stateText}${far === undefined ? '' : ` (${far})`}`;
  if (nowEpochMs < untilEpochMs) return { why, sinceEpochMs: createdAtEpochMs, untilEpochMs };
  if (isReplaced) return undefined;
  return postponed(
    `deployment-under-way: ${why}. Find out why it does not end. The next review plans the service again.`,
  );
}

const startText = ({ deploymentId, cascadeId, createdAtEpochMs }: SeenDeployment): string => {
  const by = cascadeId === undefined ? 'somebody else' : `cascade ${cascadeId}, or by somebody else after it,`;
  return `deployment ${deploymentId}, started by ${by} at ${new Date(createdAtEpochMs).toISOString()}`;
};

const theirFailure = (theirs: SeenDeployment): string =>
  `${startText(theirs)}, brings the verified image and failed: ${theirs.detail ?? 'Kubernetes gave no reason'}. Find out why. The next review plans the service again if it still runs the old image.`;

/** Such as one that is down or overloaded. It keeps others of the cascade from starting, so the wait has an end. */
const UNOBSERVED = 'the controller of Kubernetes has not seen the last change of the workload yet';

const deadlineOf = ({ own }: Begun, seen: ServiceState): number => own.deadlineEpochMs + patienceFor(seen);

const patienceFor = ({ bakeMs = 0 }: ServiceState): number => Math.min(bakeMs, LONGEST_BAKE_MS);

const ask = ({ deployer }: RolloutPorts, { ref, own }: Begun, planned: ServiceDocument, seen: ServiceState) =>
  planned.mode === 'restart'
    ? deployer.restart(ref, seen, own.cascadeId)
    : deployer.register(ref, imagesOf(planned, seen), seen, own.cascadeId);

/** Only for containers whose rule says so; the tags of the others mean the verified image. */
const imagesOf = ({ containers }: ServiceDocument, seen: ServiceState): ReadonlyMap<string, string> =>
  new Map(
    containers.flatMap(({ container, mode, output }) => {
      const image = seen.containers.find(({ name }) => name === container)?.image;
      const isNamed = mode === 'register' && image !== undefined && output !== undefined;
      const pinned = isNamed ? pinnedReference(image, output) : undefined;
      return pinned === undefined ? [] : [[container, pinned] as const];
    }),
  );

/**
 * Records what runs now before the ECS call. A lost step makes no more calls and left nothing behind, so the deployment
 * time starts again.
 */
async function markAsked({ rollouts }: RolloutPorts, begun: Begun, seen: ServiceState): Promise<Deployment> {
  const { stands, own } = begun;
  const { starter, startingAtEpochMs } = stands.starter === own.starter ? stands : own;
  const { mode } = own;
  const deadlineEpochMs = deadlineOf(begun, seen);
  const { deploymentId = '', unavailable = 0 } = seen.deployments.find(({ isPrimary }) => isPrimary) ?? {};
  const listed = seen.deployments.map((one) => one.deploymentId);
  const from = {
    ...{ deploymentId, taskDefinition: seen.taskDefinition, listed },
    ...(unavailable > 0 && { unavailable }),
  };
  const marked = await rollouts.changeDeployment(stands.cascadeId, stands.service, ({ leftUntilEpochMs, ...before }) =>
    before.state === 'starting' && before.starter === stands.starter
      ? { ...before, ...(starter !== undefined && { starter }), mode, startingAtEpochMs, deadlineEpochMs, from }
      : undefined,
  );
  if (marked.starter !== starter || isDeploymentOver(marked))
    throw new DeploymentTakenError(stands.cascadeId, stands.service);
  return marked;
}

const run = async (ports: RolloutPorts, deployment: Deployment, deploymentId: string): Promise<BegunDeployment> => ({
  deployment: await recordDeployment(ports, deployment, (before) =>
    before.state === 'starting'
      ? { ...withoutFailure(before), state: 'running', deploymentId, deadlineEpochMs: deployment.deadlineEpochMs }
      : before,
  ),
});

const end = async (ports: RolloutPorts, deployment: Deployment, ended: Refusal): Promise<BegunDeployment> => ({
  deployment: await recordDeployment(ports, deployment, (before) =>
    before.state === 'starting' ? { ...withoutFailure(before), ...ended, endedAtEpochMs: ports.clock() } : before,
  ),
});

const withoutFailure = ({ failing: _, ...deployment }: Deployment): Deployment => deployment;
