import * as v from '../../shared/schema.ts';

const text = v.text();

export const environment = v.object({
  LEDGER_TABLE: text,
  /** Its own messages come from here; what failed is hidden there for a while. */
  QUEUE_URL: v.pipe(v.string(), v.trim(), v.url()),
  /** Policies lie here. */
  EVIDENCE_BUCKET: text,
  PARTITION: text,
  READ_ROLE_NAME: text,
  READ_ROLE_EXTERNAL_ID: text,
  /** Where a message goes that can never be parsed. */
  DEAD_LETTER_QUEUE_URL: v.pipe(v.string(), v.trim(), v.url()),
  /** The planner is told here that heads are known. */
  PLAN_QUEUE_URL: v.pipe(v.string(), v.trim(), v.url()),
  /** Images that are to be judged by a result that is there are named here. */
  SCAN_EVENT_QUEUE_URL: v.pipe(v.string(), v.trim(), v.url()),
  /** Streams are named here whose heads are to be placed. */
  HEAD_EVENT_QUEUE_URL: v.pipe(v.string(), v.trim(), v.url()),
  /** Calls to one registry that ask for scans. */
  SCANS_PER_SECOND: v.pipe(v.numberFromText(), v.gtValue(0)),
});
