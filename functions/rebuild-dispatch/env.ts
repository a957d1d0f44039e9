import { variables } from '../../shared/lambda/variables.ts';
import * as v from '../../shared/schema.ts';

export const environment = v.object({
  ...variables(
    'LEDGER_TABLE',
    'EVIDENCE_BUCKET',
    'PARTITION',
    'READ_ROLE_EXTERNAL_ID',
    'ACT_BUILD_ROLE_NAME',
    'CASCADE_MACHINE_ARN',
    'POLL_SECONDS',
  ),
  /** Time without an event after which a build is polled. */
  BUILD_POLL_SECONDS: v.pipe(v.numberFromText(), v.integer(), v.minValue(1), v.maxValue(3600)),
});
