import type { SQSBatchResponse } from 'aws-lambda';
import { queueReply } from '../../shared/lambda/queue-messages.ts';
import { type BuildEventPorts, type HandledBuildEvent, handleBuildEvents } from './build-events.ts';
import type { BuildEventMessage } from './input.ts';

export async function route(
  { Records }: { readonly Records: readonly BuildEventMessage[] },
  ports: BuildEventPorts,
): Promise<SQSBatchResponse> {
  return queueReply((await handleBuildEvents(ports, Records)).filter(isFailed), Records.length);
}

const isFailed = (handled: HandledBuildEvent): handled is Exclude<HandledBuildEvent, string> =>
  typeof handled !== 'string';
