import { variables } from '../../shared/lambda/variables.ts';
import * as v from '../../shared/schema.ts';

export const environment = v.object({
  ...variables('LEDGER_TABLE', 'PARTITION', 'READ_ROLE_NAME', 'READ_ROLE_EXTERNAL_ID', 'EVIDENCE_BUCKET'),
  ACT_PROTECT_ROLE_NAME: v.text(),
  /** Expiries later than this number of days are not reported yet. */
  EXPIRY_HORIZON_DAYS: v.pipe(v.numberFromText(), v.gtValue(0)),
});
