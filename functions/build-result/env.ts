import * as v from '../../shared/schema.ts';

const text = v.text();

export const environment = v.object({
  LEDGER_TABLE: text,
  /** Its own messages come from here; what failed is hidden there for a while. */
  QUEUE_URL: v.pipe(v.string(), v.trim(), v.url()),
  PARTITION: text,
  READ_ROLE_EXTERNAL_ID: text,
  ACT_BUILD_ROLE_NAME: text,
  /** The planner is told here of runs of parked rebuilds that ended. */
  PLAN_QUEUE_URL: v.pipe(v.string(), v.trim(), v.url()),
  /** Policies lie here: they name accounts that may be called. */
  EVIDENCE_BUCKET: text,
  /** Where a message goes that can never be understood, or that nobody may send. */
  DEAD_LETTER_QUEUE_URL: v.pipe(v.string(), v.trim(), v.url()),
});
