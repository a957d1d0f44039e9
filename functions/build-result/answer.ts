import type { SQSBatchResponse } from 'aws-lambda';
import { logger } from '../../shared/lambda/powertools.ts';
import { type BuildEventPorts, type Handled, handleBuildEvents } from './build-events.ts';
import type { BuildEventMessage } from './input.ts';

/** https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html: only what failed is delivered again. */
export async function answer(
  { Records }: { readonly Records: readonly BuildEventMessage[] },
  ports: BuildEventPorts,
): Promise<SQSBatchResponse> {
  const failed = (await handleBuildEvents(ports, Records)).filter(isFailed);
  for (const { messageId, error } of failed) {
    logger.error(`message ${messageId} failed and will be delivered again`, error as Error);
  }
  return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) };
}

const isFailed = (handled: Handled): handled is Exclude<Handled, string> => typeof handled !== 'string';
