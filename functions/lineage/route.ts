import type { SQSBatchResponse } from 'aws-lambda';
import { logger } from '../../shared/lambda/powertools.ts';
import { queueReply } from '../../shared/lambda/queue-messages.ts';
import { findLineage, type LineagePart, type LineagePorts } from './find-lineage.ts';
import { type HeadEventPorts, handleHeadEvents } from './head-events.ts';
import type { LineageInput, LineageStepInput } from './input.ts';
import { type PlacedOutput, type PlaceOutputPorts, placeOutput } from './place-output.ts';

export interface LineageServices {
  readonly reviewing: (run: LineageStepInput<'find'>) => LineagePorts;
  readonly following: HeadEventPorts & PlaceOutputPorts;
}

/** Distinguishes review, cascade and queue, and replies in the format of each. */
export async function route(
  event: LineageInput,
  { reviewing, following }: LineageServices,
): Promise<LineagePart | PlacedOutput | SQSBatchResponse> {
  if ('Records' in event) return queueReply(await handleHeadEvents(following, event.Records), event.Records.length);
  logger.appendKeys({ action: event.action });
  if (event.action === 'find') {
    logger.appendKeys({ runId: event.runId });
    return findLineage(reviewing(event), event);
  }
  logger.appendKeys({ cascadeId: event.cascadeId, stream: event.stream });
  return placeOutput(following, event);
}
