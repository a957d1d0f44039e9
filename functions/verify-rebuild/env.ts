import { variables } from '../../shared/lambda/variables.ts';
import * as v from '../../shared/schema.ts';

export const environment = v.object({
  ...variables(
    'LEDGER_TABLE',
    'EVIDENCE_BUCKET',
    'PARTITION',
    'READ_ROLE_NAME',
    'READ_ROLE_EXTERNAL_ID',
    'INSPECTOR_ACCOUNT',
    'ACT_BUILD_ROLE_NAME',
    'REGISTRY_EVENT_QUEUE_URL',
    'POLL_SECONDS',
    'SCANS_PER_SECOND',
  ),
});
