import { queueUrl, variables } from '../../shared/lambda/variables.ts';
import * as v from '../../shared/schema.ts';

export const environment = v.object({
  ...variables(
    'LEDGER_TABLE',
    'QUEUE_URL',
    'EVIDENCE_BUCKET',
    'PARTITION',
    'READ_ROLE_NAME',
    'READ_ROLE_EXTERNAL_ID',
    'DEAD_LETTER_QUEUE_URL',
    'PLAN_QUEUE_URL',
    'SCANS_PER_SECOND',
  ),
  /** Images that are to be judged by a result that is there are named here. */
  SCAN_EVENT_QUEUE_URL: queueUrl,
  /** Streams are named here whose heads are to be placed. */
  HEAD_EVENT_QUEUE_URL: queueUrl,
});
