import * as v from '../../shared/schema.ts';

const text = v.text();
const positive = v.pipe(v.numberFromText(), v.gtValue(0));

export const environment = v.object({
  LEDGER_TABLE: text,
  /** A preview keeps what it would write in the files of its run. */
  RUN_BUCKET: text,
  PARTITION: text,
  READ_ROLE_NAME: text,
  READ_ROLE_EXTERNAL_ID: text,
  /** Basic scans that one registry takes in 24 hours. */
  DAILY_SCAN_QUOTA: v.pipe(positive, v.integer()),
  /** Calls to one registry, for each batch that runs at a time. */
  SCANS_PER_SECOND: positive,
  /** Scans that become possible within so many minutes after the review began are reported, to be asked for later. */
  CATCH_UP_MINUTES: v.pipe(v.numberFromText(), v.minValue(0)),
});
