import type { SQSBatchResponse } from 'aws-lambda';
import { logger } from '../../shared/lambda/powertools.ts';
import type { CascadePlanInput } from './input.ts';
import { planCauses } from './plan.ts';
import type { PlanPorts } from './ports.ts';

/**
 * One plan for all messages of a batch. If another planner is running, the messages are retried: it may have read
 * before what they report. https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
 */
export async function route(
  { Records: messages }: CascadePlanInput,
  ports: PlanPorts,
  { awsRequestId }: { readonly awsRequestId: string },
): Promise<SQSBatchResponse> {
  if (messages.length === 0) return { batchItemFailures: [] };
  const planned = await planCauses(ports, awsRequestId);
  if (!planned) return { batchItemFailures: messages.map(({ messageId }) => ({ itemIdentifier: messageId })) };
  const { cascadeId, streams, open, refused, resumed, unreadable, withoutPolicy } = planned;
  if (withoutPolicy !== undefined) {
    logger.error(`Patchwave plans no cascade: ${withoutPolicy}`);
    return { batchItemFailures: [] };
  }
  if (unreadable) logger.warn('the planner cannot read these ledger items: correct or delete them', { unreadable });
  logger.info('planned', {
    open,
    refused,
    streams,
    ...(resumed !== undefined && { resumed }),
    ...(cascadeId !== undefined && { cascadeId }),
  });
  return { batchItemFailures: [] };
}
