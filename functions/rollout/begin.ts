import type { Deployment } from '../../shared/domain/cascade.ts';
import { begunSince, isOver, type SeenDeployment } from '../../shared/domain/deployment.ts';
import { pinnedReference } from '../../shared/domain/rollout.ts';
import { DAY_MS, MINUTE_MS } from '../../shared/domain/time.ts';
import {
  DeployerUnreachableError,
  DeploymentRefusedError,
  ServiceGoneError,
} from '../../shared/ports/acting-errors.ts';
import type { ServiceRef, ServiceState } from '../../shared/ports/rollouts.ts';
import { recordDeployment } from './answers.ts';
import { DeploymentTakenError } from './errors.ts';
import { withNamedStreams } from './named-stream.ts';
import type { RolloutPorts } from './ports.ts';
import { deferred, type Refusal, refused } from './refusal.ts';
import type { Pause } from './restraint.ts';
import type { ServiceDocument } from './service-file.ts';
import { refusalOf } from './undeployable.ts';

/** Nobody else begins a deployment for so long after its starter did. */
export const START_LEASE_MS = 5 * MINUTE_MS;

/** What a starter began that failed shows among the deployments of its service within this time. */
const SHOWN_WITHIN_MS = 30_000;

/** A starter that comes to ask ECS later than this leaves it: all attempts of its call must fit into the lease. */
const LATEST_CALL_MS = MINUTE_MS;

/** A deployment that bakes for longer has failed at its deadline: its cascade waits for it, and ends after 20 days. */
const LONGEST_BAKE_MS = 7 * DAY_MS;

/** Until when the starter of a deployment is left alone. */
export const leasedUntil = ({ startingAtEpochMs, leftUntilEpochMs }: Deployment): number =>
  Math.min(startingAtEpochMs + START_LEASE_MS, leftUntilEpochMs ?? Number.POSITIVE_INFINITY);

/**
 * Gives the lease of a starter back that failed: it has no call under way any more. One that dies keeps it to its end.
 * Where that fails too, so does the lease.
 */
export async function leaveStart(
  { rollouts, clock }: RolloutPorts,
  { cascadeId, service, starter }: Deployment,
): Promise<void> {
  const leftUntilEpochMs = clock() + SHOWN_WITHIN_MS;
  await rollouts
    .changeDeployment(cascadeId, service, (before) =>
      before.state === 'starting' && before.starter === starter ? { ...before, leftUntilEpochMs } : undefined,
    )
    .catch(() => undefined);
}

interface Begun {
  readonly ref: ServiceRef;
  readonly planned: ServiceDocument;
  /** As it stands in the ledger, `starting`: by this step, or by one that was lost. */
  readonly stands: Deployment;
  /** As this step would begin it. */
  readonly own: Deployment;
  readonly pause: Pause;
}

/**
 * Looks for a deployment that was begun and not written down, adopts it, or begins one: the only place that asks ECS for
 * a deployment. @throws DeploymentUnknownError where ECS may have begun one: the next step looks
 */
export async function begin(ports: RolloutPorts, begun: Begun): Promise<Deployment | 'paused'> {
  const { ref, stands, own, pause } = begun;
  const isOwn = stands.starter === own.starter;
  const seen = await look(ports, ref, isOwn);
  if ('state' in seen) return end(ports, stands, seen);
  const named = await withNamedStreams(ports, seen, begun.planned);
  const planned = 'state' in named ? begun.planned : named;
  const adopted = begunBefore(planned, seen, stands.startingAtEpochMs, isOwn);
  if (adopted) return run(ports, stands, adopted.deploymentId);
  const refusal = 'state' in named ? named : await refusalOf(ports, seen, planned);
  if (refusal) return end(ports, stands, refusal);
  if (pause === 'wait') return 'paused';
  if (pause) return end(ports, stands, pause);
  const taken = await markAsked(ports, stands, own, seen);
  if (ports.clock() > taken.startingAtEpochMs + LATEST_CALL_MS)
    throw new DeploymentTakenError(taken.cascadeId, taken.service);
  try {
    const deploymentId = await ask(ports, ref, planned, seen);
    return await run(ports, taken, deploymentId);
  } catch (error) {
    if (!(error instanceof DeploymentRefusedError)) throw error;
    return end(ports, taken, refused(`refused: ${error.message}`));
  }
}

/**
 * @returns why nothing can be deployed there. A service that may have a deployment of ours is no answer yet where it
 * cannot be asked. @throws DeployerUnreachableError
 */
async function look({ deployer }: RolloutPorts, ref: ServiceRef, isOwn: boolean): Promise<ServiceState | Refusal> {
  try {
    return await deployer.describe(ref);
  } catch (error) {
    if (error instanceof ServiceGoneError) return refused(`service-gone: ${error.message}`);
    if (error instanceof DeployerUnreachableError && isOwn) return deferred(`unreachable: ${error.message}`);
    throw error;
  }
}

/**
 * The deployment that a lost step began, of this cascade or of one that was stopped a moment ago. What is to be
 * registered can be told from what its team deployed meanwhile; a restart cannot, and need not: it brings the same.
 */
function begunBefore(
  planned: ServiceDocument,
  seen: ServiceState,
  sinceEpochMs: number,
  isOwn: boolean,
): SeenDeployment | undefined {
  const found = begunSince(seen.deployments, sinceEpochMs);
  if (!found || planned.mode === 'restart') return found;
  // Its tasks are not what runs: only a step of this very deployment may have begun it.
  if (!found.isPrimary) return isOwn ? undefined : found;
  const wanted = imagesOf(planned, seen);
  return seen.containers.every(({ name, image }) => (wanted.get(name) ?? image) === image) ? found : undefined;
}

const ask = ({ deployer }: RolloutPorts, ref: ServiceRef, planned: ServiceDocument, seen: ServiceState) =>
  planned.mode === 'restart' ? deployer.restart(ref) : deployer.register(ref, imagesOf(planned, seen));

/** Only of those containers whose rule says so: the others' tags mean what was verified. */
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
 * Writes what runs now before ECS is asked for something else. A lost step asks for nothing any more, and nothing of it
 * is there: the time of its deployment begins anew.
 */
async function markAsked(
  { rollouts }: RolloutPorts,
  stands: Deployment,
  own: Deployment,
  { taskDefinition, deployments, bakeMs = 0 }: ServiceState,
): Promise<Deployment> {
  const { starter, startingAtEpochMs } = stands.starter === own.starter ? stands : own;
  const deadlineEpochMs = own.deadlineEpochMs + Math.min(bakeMs, LONGEST_BAKE_MS);
  const deploymentId = deployments.find(({ isPrimary }) => isPrimary)?.deploymentId ?? '';
  const from = { deploymentId, taskDefinition };
  const marked = await rollouts.changeDeployment(stands.cascadeId, stands.service, ({ leftUntilEpochMs, ...before }) =>
    before.state === 'starting' && before.starter === stands.starter
      ? { ...before, ...(starter !== undefined && { starter }), startingAtEpochMs, deadlineEpochMs, from }
      : undefined,
  );
  if (marked.starter !== starter || isOver(marked)) throw new DeploymentTakenError(stands.cascadeId, stands.service);
  return marked;
}

const run = (ports: RolloutPorts, deployment: Deployment, deploymentId: string): Promise<Deployment> =>
  recordDeployment(ports, deployment, (before) =>
    before.state === 'starting' ? { ...before, state: 'running', deploymentId } : before,
  );

const end = (ports: RolloutPorts, deployment: Deployment, ended: Refusal): Promise<Deployment> =>
  recordDeployment(ports, deployment, (before) =>
    before.state === 'starting' ? { ...before, ...ended, endedAtEpochMs: ports.clock() } : before,
  );
