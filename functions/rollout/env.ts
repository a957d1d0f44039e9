import { variables } from '../../shared/lambda/variables.ts';
import * as v from '../../shared/schema.ts';

export const environment = v.object({
  ...variables(
    'LEDGER_TABLE',
    'RUN_BUCKET',
    'EVIDENCE_BUCKET',
    'PARTITION',
    'READ_ROLE_NAME',
    'READ_ROLE_EXTERNAL_ID',
    'POLL_SECONDS',
    'ROLLOUT_TO_EKS',
  ),
  ACT_ROLLOUT_ROLE_NAME: v.text(),
});
