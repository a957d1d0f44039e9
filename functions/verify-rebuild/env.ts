import * as v from '../../shared/schema.ts';

const text = v.text();

export const environment = v.object({
  LEDGER_TABLE: text,
  /** Policies and findings lie here. */
  EVIDENCE_BUCKET: text,
  PARTITION: text,
  /** To read what was built and to have it scanned. */
  READ_ROLE_NAME: text,
  READ_ROLE_EXTERNAL_ID: text,
  /** To move the tag that others build on. */
  ACT_BUILD_ROLE_NAME: text,
  /** What a registry holds is asked for here. */
  REGISTRY_EVENT_QUEUE_URL: v.pipe(v.string(), v.trim(), v.url()),
  /** The shortest wait between two looks. */
  POLL_SECONDS: v.pipe(v.numberFromText(), v.integer(), v.minValue(1), v.maxValue(300)),
  /** Calls to one registry, for each node that runs at a time. */
  SCANS_PER_SECOND: v.pipe(v.numberFromText(), v.gtValue(0)),
});
