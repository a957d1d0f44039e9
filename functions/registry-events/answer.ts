import type { SQSBatchResponse } from 'aws-lambda';
import { logger } from '../../shared/lambda/powertools.ts';
import { queueReply } from '../../shared/lambda/queue-reply.ts';
import type { RegistryEventMessage } from './input.ts';
import { handleMessages, type RegistryEventPorts } from './registry-events.ts';

export async function answer(
  { Records }: { readonly Records: readonly RegistryEventMessage[] },
  ports: RegistryEventPorts,
): Promise<SQSBatchResponse> {
  const { failed, withoutRule, withoutPolicy } = await handleMessages(ports, Records);
  if (withoutRule > 0) logger.info('pushes to repositories without a rule', { withoutRule });
  if (withoutPolicy !== undefined) logger.warn(`only the history of pushes is written: ${withoutPolicy}`);
  return queueReply(failed, Records.length);
}
