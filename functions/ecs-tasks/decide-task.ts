import { updateService } from '../../shared/domain/admission/deploy-head.ts';
import { imagesOfTask } from '../../shared/domain/admission/ecs-images.ts';
import type { DeniedTask } from '../../shared/domain/admission/start-denial.ts';
import { stopModeOf } from '../../shared/domain/admission/stop-mode.ts';
import { instant, MINUTE_MS } from '../../shared/domain/common/time.ts';
import { visibleLine } from '../../shared/domain/common/visible-text.ts';
import { doorAt } from '../../shared/domain/policy/doors.ts';
import type { EcsTask } from '../../shared/events/ecs-task-state.ts';
import { strictestDecision } from '../../shared/judging/decide-containers.ts';
import { recordDenied } from '../../shared/judging/record-denied.ts';
import { countUnreported } from '../../shared/lambda/count-unreported.ts';
import { logger } from '../../shared/lambda/powertools.ts';
import { NoPolicyError } from '../../shared/ports/errors.ts';
import type { CurrentPolicy } from '../../shared/ports/policies.ts';
import type { EcsTaskPorts, TaskOutcome } from './ports.ts';

/**
 * Decides on a task that has just started, after the fact: ECS starts it without asking. A task that the door denies is reported,
 * and stopped later where the policy says so. Of later changes of the task nothing follows, so that it is reported once, and what
 * has run for long is no start.
 * @throws what a read throws; the event is then delivered again, and nothing is stopped
 */
export async function decideTask(ports: EcsTaskPorts, task: EcsTask): Promise<TaskOutcome> {
  if (!task.isRunning || !task.hasStarted) return 'none';
  const inForce = await policyOf(ports);
  const images = imagesOfTask(task.containers);
  if (!inForce || images.length === 0) return 'none';
  const { policy } = inForce;
  const { mode, stopTasksAfterMinutes } = doorAt(policy, task.cluster);
  if (mode === 'off') return 'none';
  const policies = { current: async () => inForce };
  const decided = await strictestDecision({ ...ports, policies }, task.cluster, images);
  if (decided.decision === 'allow') return 'allowed';
  const { ruleId, message, container } = decided;
  const { taskArn, cluster, group = '' } = task;
  const said = {
    ...cluster,
    taskArn,
    ruleId,
    ...(container !== undefined && { container }),
    group: visibleLine(group),
  };
  if (decided.decision === 'warn') {
    logger.warn(`A task runs an image with a warning: ${message}`, said);
    return 'warned';
  }
  const nowEpochMs = ports.clock();
  const acting = stopModeOf(policy, cluster.account, images);
  const stopsAtEpochMs =
    stopTasksAfterMinutes === undefined || acting !== 'enforce'
      ? undefined
      : nowEpochMs + stopTasksAfterMinutes * MINUTE_MS;
  const then =
    stopsAtEpochMs !== undefined
      ? `Patchwave stops it after ${instant(stopsAtEpochMs)} if the account allows it.`
      : stopTasksAfterMinutes === undefined
        ? 'Patchwave lets it run, because the policy does not set stopTasks here.'
        : `Patchwave lets it run, because the policy has the mode ${acting} for one of its images.`;
  const about = { door: 'ecs-tasks', place: cluster, workload: visibleLine(group === '' ? taskArn : group) } as const;
  const recorded = await recordDenied({ ...ports, policies }, about, decided, () => commandFor(cluster.cluster, group));
  // Delivered again, the event records it.
  if (recorded.unrecorded !== undefined) throw recorded.unrecorded;
  countUnreported(recorded);
  logger.error(`A task runs an image that the door denies: ${recorded.message} ${then}`, said);
  const denied: DeniedTask = {
    ...{ ...cluster, taskArn, ruleId, message: recorded.message, state: 'running' },
    ...(group !== '' && { group: visibleLine(group) }),
    ...(container !== undefined && container !== '' && { container }),
    ...(stopsAtEpochMs !== undefined && { stopsAtEpochMs }),
  };
  await ports.startDenials.recordTask(denied, nowEpochMs);
  if (stopsAtEpochMs !== undefined) await ports.stops.add({ ...cluster, taskArn, deniedAtEpochMs: nowEpochMs });
  return 'denied';
}

function commandFor(cluster: string, group: string): string | undefined {
  const [, service] = /^service:(.+)$/.exec(group) ?? [];
  return service === undefined ? undefined : updateService(cluster, service);
}

/** `undefined` before the first policy: then there is no door. @throws PolicyUnreadableError */
async function policyOf({ policies }: EcsTaskPorts): Promise<CurrentPolicy | undefined> {
  try {
    return await policies.current();
  } catch (error) {
    if (error instanceof NoPolicyError) return undefined;
    throw error;
  }
}
