import { imagesOfTask } from '../../shared/domain/admission/ecs-images.ts';
import { stopModeOf } from '../../shared/domain/admission/stop-mode.ts';
import { MINUTE_MS } from '../../shared/domain/common/time.ts';
import { doorAt } from '../../shared/domain/policy/doors.ts';
import { taskDenied } from '../../shared/events/task-denied.ts';
import { strictestDecision } from '../../shared/judging/decide-containers.ts';
import { logger } from '../../shared/lambda/powertools.ts';
import { type StopRequest, TaskNotOursError } from '../../shared/ports/doors.ts';
import type { EcsTaskPorts, TaskOutcome } from './ports.ts';

/**
 * Stops a task that was denied, once its time is over and if everything still says so: the policy and its mode, the verdict, the
 * kill switch and the account. Before that time, and while Patchwave is paused, it asks itself again.
 * @throws what a read throws; the request is then delivered again
 */
export async function stopTask(ports: EcsTaskPorts, request: StopRequest): Promise<TaskOutcome> {
  const { account, region, cluster, taskArn, deniedAtEpochMs } = request;
  const place = { account, region, cluster };
  const { policy } = await ports.policies.current();
  const { stopTasksAfterMinutes, mode } = doorAt(policy, place);
  if (mode !== 'deny' || stopTasksAfterMinutes === undefined)
    return kept(request, 'the policy stops no task there any more');
  if (ports.clock() < deniedAtEpochMs + stopTasksAfterMinutes * MINUTE_MS) {
    await ports.stops.send([request]);
    return 'none';
  }
  try {
    const containers = await ports.tasks.containersOf(place, taskArn);
    if (!containers) return 'none';
    const { rebuilding, reason } = await ports.killSwitch.read();
    if (rebuilding !== 'active') {
      // A pause ends, and the task may still run then.
      await ports.stops.send([request]);
      return kept(request, `the kill switch is ${rebuilding}: ${reason}. It asks itself again later`);
    }
    const images = imagesOfTask(containers);
    if (images.length === 0) return kept(request, 'ECS names no container of it');
    const acting = stopModeOf(policy, account, images);
    if (acting !== 'enforce') return kept(request, `the policy has the mode ${acting} for one of its images`);
    const decided = await strictestDecision(ports, place, images);
    if (decided.decision !== 'deny') return kept(request, 'the door denies none of its images any more');
    const { ruleId, message, container = '' } = decided;
    await ports.tasks.stop(place, taskArn, `Patchwave: ${message}`);
    logger.error(`Patchwave stopped a task that runs an image which the door denies: ${message}`, {
      ...place,
      ...{ taskArn, ruleId },
    });
    const stopped = {
      ...place,
      taskArn,
      ruleId,
      message,
      state: 'stopped',
      ...(container !== '' && { container }),
    } as const;
    await ports.bus.publish([taskDenied.event(taskArn, stopped)]);
    return 'stopped';
  } catch (error) {
    if (error instanceof TaskNotOursError) return kept(request, error.message);
    throw error;
  }
}

function kept({ taskArn }: StopRequest, why: string): TaskOutcome {
  logger.warn(`Patchwave does not stop ${taskArn}: ${why}`, { taskArn });
  return 'none';
}
