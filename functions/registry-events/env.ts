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
    'INSPECTOR_ACCOUNT',
    'DEAD_LETTER_QUEUE_URL',
    'PLAN_QUEUE_URL',
    'SCANS_PER_SECOND',
  ),
  /** Queue of requests of `patchwave check`, to which teams may send. */
  CHECK_REQUEST_QUEUE_URL: queueUrl,
  CHECK_REQUEST_DEAD_LETTER_QUEUE_URL: queueUrl,
  /** Queue of policy evaluation, for images that have a result to judge. */
  SCAN_EVENT_QUEUE_URL: queueUrl,
  /** Queue of lineage, for streams whose heads have no lineage yet. */
  HEAD_EVENT_QUEUE_URL: queueUrl,
});
