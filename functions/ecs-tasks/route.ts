import { MetricUnit } from '@aws-lambda-powertools/metrics';
import type { SQSBatchResponse } from 'aws-lambda';
import { mapConcurrently } from '../../shared/concurrency.ts';
import { ecsTaskState } from '../../shared/events/ecs-task-state.ts';
import { metrics } from '../../shared/lambda/metrics.ts';
import { isOwnMessage, queueReply, readBody, setAside } from '../../shared/lambda/queue-messages.ts';
import { decideTask } from './decide-task.ts';
import { type OwnMessage, ownMessage, type TaskMessage } from './input.ts';
import type { EcsTaskPorts, TaskOutcome } from './ports.ts';
import { stopDueTasks } from './stop-tasks.ts';

const TASKS_AT_ONCE = 5;

/** Handles a batch of one of the two queues. */
export async function route(
  { Records }: { readonly Records: readonly TaskMessage[] },
  ports: EcsTaskPorts,
): Promise<SQSBatchResponse> {
  const read = Records.map((message) => ({ message, ...readMessage(message.body) }));
  const unreadable = read.flatMap(({ message, problem }) => (problem === undefined ? [] : [{ message, problem }]));
  const lost = await setAside(ports.deadLetters, unreadable);
  const handled = await mapConcurrently(read, TASKS_AT_ONCE, async ({ message, value }) => {
    if (value === undefined) return { outcomes: [] };
    const failedBy = (error: unknown) => ({ failed: { messageId: message.messageId, error } });
    try {
      if (!('kind' in value)) return { outcomes: [await decideTask(ports, value)] };
      const { outcomes, error } = await handleOwn(ports, value);
      return { outcomes, ...(error !== undefined && failedBy(error)) };
    } catch (error) {
      return { outcomes: [], ...failedBy(error) };
    }
  });
  count(handled.flatMap(({ outcomes }) => outcomes));
  return queueReply([...lost, ...handled.flatMap(({ failed }) => failed ?? [])], Records.length);
}

/** An event, or a message of Patchwave itself. */
const readMessage = (body: string) => readBody(body, (json) => (isOwnMessage(json) ? ownMessage : ecsTaskState.schema));

async function handleOwn(
  ports: EcsTaskPorts,
  message: OwnMessage,
): Promise<{ readonly outcomes: readonly TaskOutcome[]; readonly error?: unknown }> {
  if (message.kind === 'stop-due-tasks') return stopDueTasks(ports);
  const { kind: _, ...stop } = message;
  await ports.stops.add(stop);
  return { outcomes: [] };
}

function count(outcomes: readonly TaskOutcome[]): void {
  const of = (wanted: TaskOutcome) => outcomes.filter((outcome) => outcome === wanted).length;
  metrics.addMetric('TasksWarned', MetricUnit.Count, of('warned'));
  metrics.addMetric('TasksDenied', MetricUnit.Count, of('denied'));
  metrics.addMetric('TasksStopped', MetricUnit.Count, of('stopped'));
}
