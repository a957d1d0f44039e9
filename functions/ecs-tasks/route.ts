import { MetricUnit } from '@aws-lambda-powertools/metrics';
import type { SQSBatchResponse } from 'aws-lambda';
import { mapConcurrently } from '../../shared/concurrency.ts';
import { ecsTaskState } from '../../shared/events/ecs-task-state.ts';
import { metrics } from '../../shared/lambda/metrics.ts';
import { isOwnMessage, queueReply, readBody, setAside } from '../../shared/lambda/queue-messages.ts';
import { decideTask } from './decide-task.ts';
import { stopRequest, type TaskMessage } from './input.ts';
import type { EcsTaskPorts, TaskOutcome } from './ports.ts';
import { stopTask } from './stop-task.ts';

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
    if (value === undefined) return {};
    try {
      return { outcome: 'kind' in value ? await stopTask(ports, value) : await decideTask(ports, value) };
    } catch (error) {
      return { failed: { messageId: message.messageId, error } };
    }
  });
  count(handled.flatMap(({ outcome }) => outcome ?? []));
  return queueReply([...lost, ...handled.flatMap(({ failed }) => failed ?? [])], Records.length);
}

/** An event, or a request to stop a task. */
const readMessage = (body: string) =>
  readBody(body, (json) => (isOwnMessage(json) ? stopRequest : ecsTaskState.schema));

function count(outcomes: readonly TaskOutcome[]): void {
  const of = (wanted: TaskOutcome) => outcomes.filter((outcome) => outcome === wanted).length;
  metrics.addMetric('TasksWarned', MetricUnit.Count, of('warned'));
  metrics.addMetric('TasksDenied', MetricUnit.Count, of('denied'));
  metrics.addMetric('TasksStopped', MetricUnit.Count, of('stopped'));
}
