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
    'INSPECTOR_ACCOUNT',
    'READ_EKS',
  ),
});
