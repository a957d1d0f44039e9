import { queueUrl, variables } from '../../shared/lambda/variables.ts';
import * as v from '../../shared/schema.ts';

export const environment = v.object({
  ...variables('LEDGER_TABLE', 'QUEUE_URL', 'RUN_BUCKET', 'EVIDENCE_BUCKET', 'DEAD_LETTER_QUEUE_URL'),
  /** Queue of policy evaluation, for new heads that have a verdict. */
  SCAN_EVENT_QUEUE_URL: queueUrl,
});
