import type { SQSBatchResponse } from 'aws-lambda';
import { isSameQueue } from '../../shared/domain/common/queue-name.ts';
import { lastStartEpochMs } from '../../shared/lambda/end.ts';
import { logger } from '../../shared/lambda/powertools.ts';
import { queueReply } from '../../shared/lambda/queue-messages.ts';
import { type CheckRequestPorts, handleCheckRequests } from './check-requests.ts';
import type { QueueMessage } from './input.ts';
import { handleMessages, type RegistryEventPorts } from './registry-events.ts';

export interface RoutePorts extends RegistryEventPorts, CheckRequestPorts {
  /** The one queue to which no team may send. */
  readonly pushQueueUrl: string;
}

/** Believes pushes only of their own queue. A message of any other queue can be a request for a verdict, and nothing else. */
export async function route(
  { Records }: { readonly Records: readonly QueueMessage[] },
  ports: RoutePorts,
  context: { getRemainingTimeInMillis(): number },
): Promise<SQSBatchResponse> {
  const inTime = { ...ports, endsAtEpochMs: lastStartEpochMs(context, ports.clock) };
  const isTrusted = ({ eventSourceARN }: QueueMessage): boolean => isSameQueue(ports.pushQueueUrl, eventSourceARN);
  const pushes = Records.filter(isTrusted);
  const { failed, withoutRule, withoutPolicy } = await handleMessages(inTime, pushes);
  if (withoutRule > 0) logger.info('ignored pushes to repositories without a rule', { withoutRule });
  if (withoutPolicy !== undefined) logger.warn(`Patchwave records only the push history: ${withoutPolicy}`);
  const requests = Records.filter((message) => !isTrusted(message));
  return queueReply([...failed, ...(await handleCheckRequests(inTime, requests))], Records.length);
}
