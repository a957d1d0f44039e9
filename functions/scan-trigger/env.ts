import { variables } from '../../shared/lambda/variables.ts';
import * as v from '../../shared/schema.ts';

export const environment = v.object({
  ...variables(
    'LEDGER_TABLE',
    'RUN_BUCKET',
    'PARTITION',
    'READ_ROLE_NAME',
    'READ_ROLE_EXTERNAL_ID',
    'INSPECTOR_ACCOUNT',
    'SCANS_PER_SECOND',
    'CATCH_UP_MINUTES',
  ),
  /** Basic scans that one registry allows in 24 hours. */
  DAILY_SCAN_QUOTA: v.pipe(v.numberFromText(), v.gtValue(0), v.integer()),
});
