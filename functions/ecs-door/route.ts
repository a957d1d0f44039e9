import { MetricUnit } from '@aws-lambda-powertools/metrics';
import type { SQSBatchResponse } from 'aws-lambda';
import { mapConcurrently } from '../../shared/concurrency.ts';
import type { ContainersDecision } from '../../shared/domain/admission/door-question.ts';
import { ecsTaskState } from '../../shared/events/ecs-task-state.ts';
import { metrics } from '../../shared/lambda/metrics.ts';
import { logger } from '../../shared/lambda/powertools.ts';
import { isOwnMessage, queueReply, readBody, setAside } from '../../shared/lambda/queue-messages.ts';
import { answerGate } from './answer-gate.ts';
import { decideTask } from './decide-task.ts';
import { type DoorMessage, type EcsDoorInput, stopRequest } from './input.ts';
import type { EcsDoorPorts, TaskOutcome } from './ports.ts';
import { stopTask } from './stop-task.ts';

const TASKS_AT_ONCE = 5;

/** Answers a gate, or handles a batch of a queue, and replies in the format of each. */
export async function route(event: EcsDoorInput, ports: EcsDoorPorts): Promise<ContainersDecision | SQSBatchResponse> {
  if ('Records' in event) return handleMessages(ports, event.Records);
  const { account, region, cluster, service } = event;
  const answer = await answerGate(ports, event);
  logger.info(`a deployment was decided: ${answer.decision}`, {
    ...{ account, region, cluster, deploying: service },
    ...(answer.decision !== 'allow' && { ruleId: answer.ruleId }),
  });
  return answer;
}

async function handleMessages(ports: EcsDoorPorts, messages: readonly DoorMessage[]): Promise<SQSBatchResponse> {
  const read = messages.map((message) => ({ message, ...readMessage(message.body) }));
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
  return queueReply([...lost, ...handled.flatMap(({ failed }) => failed ?? [])], messages.length);
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
