import { variables } from '../../shared/lambda/variables.ts';
import * as v from '../../shared/schema.ts';

const positive = v.pipe(v.numberFromText(), v.gtValue(0));

export const environment = v.object({
  ...variables(
    'LEDGER_TABLE',
    'RUN_BUCKET',
    'EVIDENCE_BUCKET',
    'PARTITION',
    'READ_ROLE_NAME',
    'READ_ROLE_EXTERNAL_ID',
    'CATCH_UP_MINUTES',
    'READ_EKS',
  ),
  /** How long a review waits for its scans. */
  SCAN_WAIT_MINUTES: positive,
  SCAN_POLL_SECONDS: positive,
  /** A review that has not ended by then is dead; longer than the state machine's time-out. */
  LEASE_MINUTES: positive,
});
