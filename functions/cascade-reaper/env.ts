import { variables } from '../../shared/lambda/variables.ts';
import * as v from '../../shared/schema.ts';

export const environment = v.object({
  ...variables(
    'LEDGER_TABLE',
    'QUEUE_URL',
    'RUN_BUCKET',
    'EVIDENCE_BUCKET',
    'PARTITION',
    'READ_ROLE_EXTERNAL_ID',
    'ACT_BUILD_ROLE_NAME',
    'CASCADE_MACHINE_ARN',
    'PLAN_QUEUE_URL',
    'DEAD_LETTER_QUEUE_URL',
  ),
  FLEET_REVIEW_MACHINE_ARN: v.text(),
});
