import type { SQSBatchResponse } from 'aws-lambda';
import { logger } from '../../shared/lambda/powertools.ts';
import type { CascadePlanInput } from './input.ts';
import { type OpenedCascade, openCascade } from './open.ts';
import { planCauses } from './plan.ts';
import type { PlanPorts } from './ports.ts';

/** Tells the machine and the queue apart, and gives each the reply it understands. */
export async function answer(
  event: CascadePlanInput,
  ports: PlanPorts,
  { awsRequestId }: { readonly awsRequestId: string },
): Promise<OpenedCascade | SQSBatchResponse> {
  if ('Records' in event) return wakeUp(event.Records, ports, awsRequestId);
  logger.appendKeys({ cascadeId: event.cascadeId });
  return openCascade(ports, event);
}

/**
 * One plan for all messages of a batch. Where another planner is at work they come back: what they tell of may have
 * come after it had read.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
 */
async function wakeUp(
  messages: Extract<CascadePlanInput, { Records: unknown }>['Records'],
  ports: PlanPorts,
  requestId: string,
): Promise<SQSBatchResponse> {
  if (messages.length === 0) return { batchItemFailures: [] };
  const planned = await planCauses(ports, requestId);
  if (!planned) return { batchItemFailures: messages.map(({ messageId }) => ({ itemIdentifier: messageId })) };
  const { cascadeId, streams, open, refused } = planned;
  logger.info('planned', { open, refused, streams, ...(cascadeId !== undefined && { cascadeId }) });
  return { batchItemFailures: [] };
}
