import { MetricUnit } from '@aws-lambda-powertools/metrics';
import type { Context, SQSBatchResponse } from 'aws-lambda';
import { mapConcurrently } from '../../shared/concurrency.ts';
import { ecsHookState } from '../../shared/events/ecs-hook-state.ts';
import { ecsTaskState } from '../../shared/events/ecs-task-state.ts';
import { metrics } from '../../shared/lambda/metrics.ts';
import { isOwnMessage, queueReply, readBody, setAside } from '../../shared/lambda/queue-messages.ts';
import { answerHook, answerWaiting } from './answer-deployments.ts';
import { decideTask } from './decide-task.ts';
import { type OwnMessage, ownMessage, type TaskMessage } from './input.ts';
import type { EcsTaskPorts, TaskOutcome } from './ports.ts';
import { stopDueTasks } from './stop-tasks.ts';

const TASKS_AT_ONCE = 5;
/** Kept for what is under way when a sweep begins no further place. */
const END_MS = 20_000;

/** Handles a batch of one of the two queues. */
export async function route(
  { Records }: { readonly Records: readonly TaskMessage[] },
  ports: EcsTaskPorts,
  context?: Pick<Context, 'getRemainingTimeInMillis'>,
): Promise<SQSBatchResponse> {
  const read = Records.map((message) => ({ message, ...readMessage(message.body) }));
  const unreadable = read.flatMap(({ message, problem }) => (problem === undefined ? [] : [{ message, problem }]));
  const lost = await setAside(ports.deadLetters, unreadable);
  const handled = await mapConcurrently(read, TASKS_AT_ONCE, async ({ message, value }) => {
    if (value === undefined) return { outcomes: [] };
    const failedBy = (error: unknown) => ({ failed: { messageId: message.messageId, error } });
    try {
      if ('hookId' in value) return { outcomes: [await answerHook(ports, value)] };
      if (!('kind' in value)) return { outcomes: [await decideTask(ports, value)] };
      const { outcomes, error } = await handleOwn(
        ports,
        value,
        () => !context || context.getRemainingTimeInMillis() > END_MS,
      );
      return { outcomes, ...(error !== undefined && failedBy(error)) };
    } catch (error) {
      return { outcomes: [], ...failedBy(error) };
    }
  });
  count(handled.flatMap(({ outcomes }) => outcomes));
  return queueReply([...lost, ...handled.flatMap(({ failed }) => failed ?? [])], Records.length);
}

/** An event, or a message of Patchwave itself. */
const readMessage = (body: string) =>
  readBody(body, (json) =>
    isOwnMessage(json) ? ownMessage : isOfHook(json) ? ecsHookState.schema : ecsTaskState.schema,
  );

const isOfHook = (json: unknown): boolean =>
  json instanceof Object && (json as { 'detail-type'?: unknown })['detail-type'] === ecsHookState.detailType;

async function handleOwn(
  ports: EcsTaskPorts,
  message: OwnMessage,
  hasTime: () => boolean,
): Promise<{ readonly outcomes: readonly TaskOutcome[]; readonly error?: unknown }> {
  if (message.kind === 'stop-due-tasks') return stopDueTasks(ports);
  if (message.kind === 'answer-waiting-deployments') return answerWaiting(ports, hasTime);
  const { kind: _, ...stop } = message;
  await ports.stops.add(stop);
  return { outcomes: [] };
}

function count(outcomes: readonly TaskOutcome[]): void {
  const of = (wanted: TaskOutcome) => outcomes.filter((outcome) => outcome === wanted).length;
  metrics.addMetric('TasksWarned', MetricUnit.Count, of('warned'));
  metrics.addMetric('TasksDenied', MetricUnit.Count, of('denied'));
  metrics.addMetric('DeploymentsDenied', MetricUnit.Count, of('rolled-back'));
  metrics.addMetric('DeploymentsUndecided', MetricUnit.Count, of('undecided'));
  metrics.addMetric('TasksStopped', MetricUnit.Count, of('stopped'));
}
