import { collect, mapConcurrently } from '../../shared/concurrency.ts';
import { updateService } from '../../shared/domain/admission/deploy-head.ts';
import { DOOR_RULES } from '../../shared/domain/admission/door-rules.ts';
import { counted } from '../../shared/domain/common/counted.ts';
import { namedFailure } from '../../shared/domain/common/failure-text.ts';
import type { Registry } from '../../shared/domain/image/image.ts';
import type { EcsHookWaiting } from '../../shared/events/ecs-hook-state.ts';
import { type ContainersDecided, decideContainers, undecided } from '../../shared/judging/decide-containers.ts';
import { recordDenied } from '../../shared/judging/record-denied.ts';
import { countUnreported } from '../../shared/lambda/count-unreported.ts';
import { logger } from '../../shared/lambda/powertools.ts';
import { DeploymentsNotOursError, DeploymentUndecidedError, type PausedDeployment } from '../../shared/ports/doors.ts';
import { NoPolicyError } from '../../shared/ports/errors.ts';
import type { EcsTaskPorts, TaskOutcome } from './ports.ts';

/**
 * Answers a deployment that waits before its first task. Of hooks of later stages nothing follows: they are a person's.
 * @throws what keeps it from being decided; it is then asked about again, until the time-out of the hook answers
 */
export async function answerHook(ports: EcsTaskPorts, event: EcsHookWaiting): Promise<TaskOutcome> {
  if (!event.isBeforeFirstTask) return 'none';
  try {
    const waiting = await ports.deployments.waiting(event.cluster, event.deploymentArn);
    return waiting ? await answer(ports, event.cluster, waiting) : 'none';
  } catch (error) {
    if (!(error instanceof DeploymentsNotOursError)) throw error;
    logger.error(error.message, { deployment: event.deploymentArn });
    return 'none';
  }
}

const PLACES_AT_ONCE = 10;

/**
 * Answers every deployment that still waits: the event of one may be lost. Looks at each account and Region that reviews read,
 * in an order of chance, until its time is over; the next sweep looks again.
 * @returns what became of each, and the first error
 */
export async function answerWaiting(
  ports: EcsTaskPorts,
  hasTime: () => boolean,
): Promise<{ readonly outcomes: readonly TaskOutcome[]; readonly error?: unknown }> {
  const scopes = await collect(ports.scopes.all());
  const places = scopes
    .filter(({ scope, left }) => scope.eksCluster === undefined && !left)
    .map(({ scope }) => ({ scope, order: ports.chance() }))
    .sort((one, other) => one.order - other.order);
  let unread = 0;
  const ends = await mapConcurrently(places, PLACES_AT_ONCE, async ({ scope: { account, region } }) => {
    if (!hasTime()) {
      unread += 1;
      return { outcomes: [] };
    }
    return answerAll(ports, { account, region });
  });
  if (unread > 0) logger.warn(`${counted(unread, 'place')} not looked at for deployments that wait: no time is left`);
  const failed = ends.find(({ error }) => error !== undefined);
  return { outcomes: ends.flatMap(({ outcomes }) => outcomes), ...(failed && { error: failed.error }) };
}

async function answerAll(
  ports: EcsTaskPorts,
  place: Registry,
): Promise<{ readonly outcomes: readonly TaskOutcome[]; readonly error?: unknown }> {
  const outcomes: TaskOutcome[] = [];
  let first: unknown;
  try {
    for await (const waiting of ports.deployments.all(place)) {
      try {
        outcomes.push(await answer(ports, place, waiting));
      } catch (error) {
        logger.error(`${waiting.deploymentArn} waits and could not be answered`, error as Error);
        // A person answers those that the account does not list.
        if (!(error instanceof DeploymentsNotOursError)) first ??= error;
      }
    }
  } catch (error) {
    // Most accounts let Patchwave answer no deployment.
    if (!(error instanceof DeploymentsNotOursError)) first ??= error;
  }
  return { outcomes, ...(first !== undefined && { error: first }) };
}

async function answer(ports: EcsTaskPorts, place: Registry, waiting: PausedDeployment): Promise<TaskOutcome> {
  const decided = await decide(ports, place, waiting);
  const { cluster, service, deploymentArn } = waiting;
  if (decided.decision === 'deny' && decided.ruleId === DOOR_RULES.decided)
    throw new DeploymentUndecidedError(deploymentArn, decided.message);
  const isDenied = decided.decision === 'deny';
  const about = { door: 'ecs-gate', place: { ...place, cluster }, workload: `service/${service}` } as const;
  // Before the answer: an attempt that is lost here asks again.
  const recorded = isDenied
    ? await recordDenied(ports, about, decided, () => updateService(cluster, service))
    : undefined;
  if (recorded) countUnreported(recorded);
  if (!(await ports.deployments.answer(place, waiting, isDenied ? 'ROLLBACK' : 'CONTINUE'))) return 'none';
  const said = { ...place, cluster, deploying: service, deployment: deploymentArn };
  if (decided.decision === 'allow') {
    logger.info('a deployment goes on: the policy allows every image', said);
    return 'continued';
  }
  const { ruleId, container } = decided;
  const message = recorded?.message ?? decided.message;
  const why = { ...said, ruleId, ...(container !== undefined && { container }) };
  if (isDenied) logger.error(`ECS takes a deployment back, because the door denies an image: ${message}`, why);
  else logger.warn(`A deployment goes on with a warning: ${message}`, why);
  if (isDenied) return 'rolled-back';
  return ruleId === DOOR_RULES.decided ? 'undecided' : 'continued';
}

async function decide(
  ports: EcsTaskPorts,
  { account, region }: Registry,
  waiting: PausedDeployment,
): Promise<ContainersDecided> {
  const place = { account, region, cluster: waiting.cluster };
  try {
    await ports.policies.current();
  } catch (error) {
    // Before the first policy there is no door.
    if (error instanceof NoPolicyError) return { decision: 'allow' };
  }
  try {
    return await decideContainers(ports, place, await ports.deployments.imagesOf(place, waiting));
  } catch (error) {
    const { error: name, detail } = namedFailure(error);
    return undecided(ports, place, `${name}: ${detail}`);
  }
}
