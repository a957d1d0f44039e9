import * as v from '../../shared/schema.ts';

const text = v.text();
const seconds = v.pipe(v.numberFromText(), v.integer(), v.minValue(1));

export const environment = v.object({
  LEDGER_TABLE: text,
  /** Policies lie here. */
  EVIDENCE_BUCKET: text,
  PARTITION: text,
  READ_ROLE_EXTERNAL_ID: text,
  ACT_BUILD_ROLE_NAME: text,
  /** Whose executions own locks. */
  CASCADE_MACHINE_ARN: text,
  /** The shortest wait before a waiting node asks again. */
  POLL_SECONDS: v.pipe(seconds, v.maxValue(300)),
  /** A build that no event told of for so long is looked at. */
  BUILD_LOOK_SECONDS: v.pipe(seconds, v.maxValue(3600)),
});
