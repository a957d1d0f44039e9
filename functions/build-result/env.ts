import { variables } from '../../shared/lambda/variables.ts';
import * as v from '../../shared/schema.ts';

export const environment = v.object({
  ...variables(
    'LEDGER_TABLE',
    'QUEUE_URL',
    'PARTITION',
    'READ_ROLE_EXTERNAL_ID',
    'ACT_BUILD_ROLE_NAME',
    'PLAN_QUEUE_URL',
    'EVIDENCE_BUCKET',
    'DEAD_LETTER_QUEUE_URL',
  ),
});
