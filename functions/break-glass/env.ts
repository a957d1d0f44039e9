import { queueUrl, variables } from '../../shared/lambda/variables.ts';
import * as v from '../../shared/schema.ts';

export const environment = v.object({
  ...variables('LEDGER_TABLE', 'EVIDENCE_BUCKET', 'PARTITION', 'READ_ROLE_NAME', 'READ_ROLE_EXTERNAL_ID'),
  /** Of the table: the hub's, or that of a replica. */
  LEDGER_REGION: v.text(),
  /** Of the bucket. */
  HUB_REGION: v.text(),
  QUEUE_URL: queueUrl,
  DEAD_LETTER_QUEUE_URL: queueUrl,
});
