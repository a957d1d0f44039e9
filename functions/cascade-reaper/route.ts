import type { SQSBatchResponse } from 'aws-lambda';
import { logger } from '../../shared/lambda/powertools.ts';
import { queueReply } from '../../shared/lambda/queue-messages.ts';
import { type AbandonedCascade, abandonCascade } from './abandon-cascade.ts';
import { type ClosedCascade, closeCascade } from './close-cascade.ts';
import { type EndEventPorts, handleEndEvents, type Machines } from './end-events.ts';
import type { CascadeReaperInput } from './input.ts';
import { type OpenCascadePorts, type OpenedCascade, openCascade } from './open-cascade.ts';

export interface ReaperServices {
  readonly ports: EndEventPorts & OpenCascadePorts;
  readonly machines: Machines;
}

/** Distinguishes the state machine from the queue, and replies in the format of each. */
export async function route(
  event: CascadeReaperInput,
  { ports, machines }: ReaperServices,
): Promise<SQSBatchResponse | OpenedCascade | ClosedCascade | AbandonedCascade> {
  if ('Records' in event) {
    const handled = await handleEndEvents(ports, machines, event.Records);
    return queueReply(
      handled.filter((one) => typeof one !== 'string'),
      event.Records.length,
    );
  }
  const { action, cascadeId } = event;
  logger.appendKeys({ action, cascadeId });
  switch (event.action) {
    case 'open':
      return openCascade(ports, event);
    case 'close':
      return closeCascade(ports, event);
    case 'abandon':
      return abandonCascade(ports, event);
  }
}
