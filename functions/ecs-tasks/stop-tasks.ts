import { collect, mapConcurrently } from '../../shared/concurrency.ts';
import { imagesOfTask } from '../../shared/domain/admission/ecs-images.ts';
import { stopModeOf } from '../../shared/domain/admission/stop-mode.ts';
import { asksToStop, dueStops, type TaskStop, type TaskStopReason } from '../../shared/domain/admission/task-stop.ts';
import { counted } from '../../shared/domain/common/counted.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { strictestDecision } from '../../shared/judging/decide-containers.ts';
import { logger } from '../../shared/lambda/powertools.ts';
import { TaskNotOursError } from '../../shared/ports/doors.ts';
import type { EcsTaskPorts, TaskOutcome } from './ports.ts';

const STOPS_AT_ONCE = 5;
const NOT_ASKED = 'the policy stops no task there any more';

/**
 * Stops the denied tasks whose time is over, if everything still says so: the policy and its mode, the verdict, the kill
 * switch and the account. While Patchwave is paused they wait. A stop that fails is tried again by the next sweep.
 * @returns what became of each, and the first error
 */
export async function stopDueTasks(
  ports: EcsTaskPorts,
): Promise<{ readonly outcomes: readonly TaskOutcome[]; readonly error?: unknown }> {
  const waiting = await collect(ports.stops.waiting());
  if (waiting.length === 0) return { outcomes: [] };
  const { policy } = await ports.policies.current();
  const { due, dropped } = dueStops(policy, waiting, ports.clock());
  for (const stop of dropped) await keep(ports, stop, NOT_ASKED);
  if (due.length === 0) return { outcomes: [] };
  const { rebuilding, reason } = await ports.killSwitch.read();
  if (rebuilding !== 'active') {
    logger.warn(`Patchwave does not stop ${counted(due.length, 'task')}: the kill switch is ${rebuilding}: ${reason}`);
    return { outcomes: [] };
  }
  const ends = await mapConcurrently(due, STOPS_AT_ONCE, async (stop) => {
    try {
      return { outcome: await stopTask(ports, policy, stop) };
    } catch (error) {
      logger.error(`${stop.taskArn} could not be stopped; the next sweep tries again`, error as Error);
      return { error };
    }
  });
  const [failed] = ends.filter(({ error }) => error !== undefined);
  return { outcomes: ends.flatMap(({ outcome }) => outcome ?? []), ...(failed && { error: failed.error }) };
}

async function stopTask(ports: EcsTaskPorts, policy: Policy, waiting: TaskStop): Promise<TaskOutcome> {
  const stop = { ...waiting, triedAtEpochMs: ports.clock() };
  if (!(await ports.stops.change(waiting, stop))) return 'none';
  const { account, region, cluster, taskArn } = stop;
  const place = { account, region, cluster };
  try {
    const containers = await ports.tasks.containersOf(place, taskArn);
    // An attempt stopped it and was lost before it could report that.
    if (!containers && stop.decided) return await reported(ports, stop, stop.decided);
    if (!containers) {
      await ports.stops.remove(stop);
      return 'none';
    }
    if (!asksToStop(policy, stop)) return await keep(ports, stop, NOT_ASKED);
    const images = imagesOfTask(containers);
    if (images.length === 0) return await keep(ports, stop, 'ECS names no container of it');
    const acting = stopModeOf(policy, account, images);
    if (acting !== 'enforce') return await keep(ports, stop, `the policy has the mode ${acting} for one of its images`);
    // A break-glass ends, and the task may still run then.
    const breakGlass = await ports.exceptions?.breakGlassOf(place);
    if (breakGlass && stop.triedAtEpochMs < breakGlass.expiresAtEpochMs) return 'none';
    const decided = await strictestDecision(ports, place, images);
    if (decided.decision !== 'deny') return await keep(ports, stop, 'the door denies none of its images any more');
    const { ruleId, message, container = '' } = decided;
    const why = { ruleId, message, ...(container !== '' && { container }) };
    if (!(await ports.stops.change(stop, { ...stop, decided: why }))) return 'none';
    await ports.tasks.stop(place, taskArn, `Patchwave: ${message}`);
    return await reported(ports, stop, why);
  } catch (error) {
    if (error instanceof TaskNotOursError) return keep(ports, stop, error.message);
    throw error;
  }
}

/** The task has stopped. Its stop is removed last, so that it is recorded at least once. */
async function reported(ports: EcsTaskPorts, stop: TaskStop, why: TaskStopReason): Promise<TaskOutcome> {
  const { account, region, cluster, taskArn } = stop;
  const place = { account, region, cluster };
  const { ruleId, message } = why;
  logger.error(`Patchwave stopped a task that runs an image which the door denies: ${message}`, {
    ...place,
    ...{ taskArn, ruleId },
  });
  await ports.startDenials.recordTask({ ...place, taskArn, ...why, state: 'stopped' }, ports.clock());
  await ports.stops.remove(stop);
  return 'stopped';
}

async function keep({ stops }: EcsTaskPorts, stop: TaskStop, why: string): Promise<TaskOutcome> {
  logger.warn(`Patchwave does not stop ${stop.taskArn}: ${why}`, { taskArn: stop.taskArn });
  await stops.remove(stop);
  return 'none';
}
