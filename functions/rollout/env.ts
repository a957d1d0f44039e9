import * as v from '../../shared/schema.ts';

const text = v.text();

export const environment = v.object({
  LEDGER_TABLE: text,
  RUN_BUCKET: text,
  /** Policies lie here. */
  EVIDENCE_BUCKET: text,
  PARTITION: text,
  /** To see what tags mean where a service pulls from. */
  READ_ROLE_NAME: text,
  READ_ROLE_EXTERNAL_ID: text,
  ACT_ROLLOUT_ROLE_NAME: text,
  /** The shortest wait between two looks. */
  POLL_SECONDS: v.pipe(v.numberFromText(), v.integer(), v.minValue(1), v.maxValue(300)),
});
