import type { SQSBatchResponse } from 'aws-lambda';
import { lastStartEpochMs } from '../../shared/lambda/end.ts';
import { logger } from '../../shared/lambda/powertools.ts';
import { queueReply } from '../../shared/lambda/queue-messages.ts';
import type { RegistryEventMessage } from './input.ts';
import { handleMessages, type RegistryEventPorts } from './registry-events.ts';

export async function route(
  { Records }: { readonly Records: readonly RegistryEventMessage[] },
  ports: RegistryEventPorts,
  context: { getRemainingTimeInMillis(): number },
): Promise<SQSBatchResponse> {
  const inTime = { ...ports, endsAtEpochMs: lastStartEpochMs(context, ports.clock) };
  const { failed, withoutRule, withoutPolicy } = await handleMessages(inTime, Records);
  if (withoutRule > 0) logger.info('ignored pushes to repositories without a rule', { withoutRule });
  if (withoutPolicy !== undefined) logger.warn(`Patchwave records only the push history: ${withoutPolicy}`);
  return queueReply(failed, Records.length);
}
