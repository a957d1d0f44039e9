import * as v from '../../shared/schema.ts';

const text = v.text();

export const environment = v.object({
  LEDGER_TABLE: text,
  /** Its own messages come from here; what failed is hidden there for a while. */
  QUEUE_URL: v.pipe(v.string(), v.trim(), v.url()),
  RUN_BUCKET: text,
  EVIDENCE_BUCKET: text,
  /** Where a message goes that can never be parsed. */
  DEAD_LETTER_QUEUE_URL: v.pipe(v.string(), v.trim(), v.url()),
});
