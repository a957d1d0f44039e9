import * as v from '../../shared/schema.ts';

const text = v.text();
const positive = v.pipe(v.numberFromText(), v.gtValue(0));

export const environment = v.object({
  LEDGER_TABLE: text,
  RUN_BUCKET: text,
  EVIDENCE_BUCKET: text,
  PARTITION: text,
  READ_ROLE_NAME: text,
  READ_ROLE_EXTERNAL_ID: text,
  /** Scans that become possible within so many minutes after the start are waited for and asked for again. */
  CATCH_UP_MINUTES: v.pipe(v.numberFromText(), v.minValue(0)),
  /** So long a review waits for the scans it asked for. */
  SCAN_WAIT_MINUTES: positive,
  SCAN_POLL_SECONDS: positive,
  /** A review that did not end by then is dead; longer than the state machine's own time-out. */
  LEASE_MINUTES: positive,
});
