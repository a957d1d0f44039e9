import type { SQSBatchResponse } from 'aws-lambda';
import { logger } from './powertools.ts';
import type { FailedMessage } from './queue-messages.ts';

/**
 * What a queue is told of a batch: only what failed is delivered again.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
 */
export function queueReply(failed: readonly FailedMessage[]): SQSBatchResponse {
  for (const { messageId, error } of failed) {
    logger.error(`message ${messageId} failed and will be delivered again`, error as Error);
  }
  return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) };
}
