import * as v from '../../shared/schema.ts';

const text = v.text();

export const environment = v.object({
  LEDGER_TABLE: text,
  PARTITION: text,
  READ_ROLE_NAME: text,
  READ_ROLE_EXTERNAL_ID: text,
  ACT_PROTECT_ROLE_NAME: text,
  /** Policies lie here. */
  EVIDENCE_BUCKET: text,
  /** What is lost later than in so many days is not told yet. */
  LOSS_HORIZON_DAYS: v.pipe(v.numberFromText(), v.gtValue(0)),
});
