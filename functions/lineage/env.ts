import * as v from '../../shared/schema.ts';

const text = v.text();

export const environment = v.object({
  LEDGER_TABLE: text,
  RUN_BUCKET: text,
  EVIDENCE_BUCKET: text,
  /** Where a message goes that can never be parsed. */
  DEAD_LETTER_QUEUE_URL: v.pipe(v.string(), v.trim(), v.url()),
});
