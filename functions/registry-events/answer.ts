import type { SQSBatchResponse } from 'aws-lambda';
import { logger } from '../../shared/lambda/powertools.ts';
import type { RegistryEventMessage } from './input.ts';
import { handleMessages, type RegistryEventPorts } from './registry-events.ts';

/** https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html: only what failed is delivered again. */
export async function answer(
  { Records }: { readonly Records: readonly RegistryEventMessage[] },
  ports: RegistryEventPorts,
): Promise<SQSBatchResponse> {
  const { failed, withoutRule } = await handleMessages(ports, Records);
  if (withoutRule > 0) logger.info('pushes to repositories without a rule', { withoutRule });
  for (const { messageId, error } of failed) {
    logger.error(`message ${messageId} failed and will be delivered again`, error as Error);
  }
  return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) };
}
