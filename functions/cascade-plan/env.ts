import { queueUrl, variables } from '../../shared/lambda/variables.ts';
import * as v from '../../shared/schema.ts';

export const environment = v.object({
  ...variables('LEDGER_TABLE', 'QUEUE_URL', 'EVIDENCE_BUCKET', 'CASCADE_MACHINE_ARN', 'REGISTRY_EVENT_QUEUE_URL'),
  /** Queue of the reaper, for cascades whose execution has ended. */
  CASCADE_END_QUEUE_URL: queueUrl,
});
