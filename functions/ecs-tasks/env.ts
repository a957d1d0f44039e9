import { queueUrl, variables } from '../../shared/lambda/variables.ts';
import * as v from '../../shared/schema.ts';

export const environment = v.object({
  ...variables(
    'LEDGER_TABLE',
    'QUEUE_URL',
    'EVIDENCE_BUCKET',
    'PARTITION',
    'READ_ROLE_EXTERNAL_ID',
    'DEAD_LETTER_QUEUE_URL',
  ),
  /** The queue in which stops of version 0.2.0 may still wait. */
  STOP_QUEUE_URL: queueUrl,
  /** Stops listed tasks of a member account. */
  ACT_DOOR_ROLE_NAME: v.text(),
});
