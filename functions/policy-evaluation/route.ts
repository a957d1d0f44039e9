import type { SQSBatchResponse } from 'aws-lambda';
import type { ReviewMode } from '../../shared/domain/review/run.ts';
import { logger } from '../../shared/lambda/powertools.ts';
import { queueReply } from '../../shared/lambda/queue-messages.ts';
import type { EvidenceStore } from '../../shared/ports/evidence.ts';
import type { CauseLedger, ImageLedger, RunLedger, StreamLedger } from '../../shared/ports/ledger.ts';
import type { Policies } from '../../shared/ports/policies.ts';
import type { PolicyEvaluationInput } from './input.ts';
import { type JudgeBatchPorts, judgeBatch, type VerdictPart } from './judge-batch.ts';
import { type HandledEvents, handleScanEvents, type ScanEventPorts } from './scan-events.ts';

interface Ledgers {
  readonly images: ImageLedger;
  readonly streams: StreamLedger;
  readonly runs: RunLedger;
  readonly causes: CauseLedger;
  readonly evidence: EvidenceStore;
}

export interface PolicyEvaluationServices {
  /** Allows calls to the accounts of this run; without any, to the known ones. */
  readonly enterRun: (runId: string | undefined) => void;
  readonly ledgers: (run: { readonly runId: string; readonly mode: ReviewMode }) => Ledgers;
  readonly world: Omit<JudgeBatchPorts & ScanEventPorts, keyof Ledgers | 'policies'> & { readonly policies: Policies };
}

/** Distinguishes the two callers, and replies in the format of each. */
export async function route(
  event: PolicyEvaluationInput,
  { enterRun, ledgers, world }: PolicyEvaluationServices,
): Promise<VerdictPart | SQSBatchResponse> {
  enterRun('Records' in event ? undefined : event.runId);
  if ('Records' in event) {
    const handled = await handleScanEvents({ ...world, ...ledgers(OUTSIDE_OF_RUNS) }, event.Records);
    const { batchItemFailures } = queueReply(logged(handled).failed, event.Records.length);
    const waiting = handled.waiting.map((itemIdentifier) => ({ itemIdentifier }));
    return { batchItemFailures: [...batchItemFailures, ...waiting] };
  }
  logger.appendKeys({ runId: event.runId, batch: event.batch });
  return judgeBatch({ ...world, ...ledgers(event) }, event);
}

const OUTSIDE_OF_RUNS = { runId: 'none', mode: 'review' } as const;

function logged(handled: HandledEvents): HandledEvents {
  const { judged, collected, notOurs, setAside } = handled;
  logger.info('scan events handled', { judged, collected, notOurs, setAside });
  return handled;
}
