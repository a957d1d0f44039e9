import type { SQSBatchResponse } from 'aws-lambda';
import { MessagesFailedError } from './errors.ts';
import { logger } from './powertools.ts';
import type { FailedMessage } from './queue-messages.ts';

/**
 * What a queue is told of a batch: only what failed is delivered again. Where nothing was done the invocation fails, as Lambda
 * counts no error for one that names its failures, and an alarm watches the errors.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
 * @param messages how many the batch has
 * @throws MessagesFailedError where all of them failed
 */
export function queueReply(failed: readonly FailedMessage[], messages: number): SQSBatchResponse {
  for (const { messageId, error } of failed) {
    logger.error(`message ${messageId} failed and will be delivered again`, error as Error);
  }
  const [first] = failed;
  if (first && failed.length === messages) throw new MessagesFailedError(messages, first.error);
  return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) };
}
