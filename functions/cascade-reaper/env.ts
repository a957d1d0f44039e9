import * as v from '../../shared/schema.ts';

const text = v.text();

export const environment = v.object({
  LEDGER_TABLE: text,
  /** Its own messages come from here; what failed is hidden there for a while. */
  QUEUE_URL: v.pipe(v.string(), v.trim(), v.url()),
  /** Waves of cascades, and the record of a preview. */
  RUN_BUCKET: text,
  EVIDENCE_BUCKET: text,
  PARTITION: text,
  READ_ROLE_EXTERNAL_ID: text,
  /** Builds are asked with it: what a dead cascade left behind may still run. */
  ACT_BUILD_ROLE_NAME: text,
  CASCADE_MACHINE_ARN: text,
  FLEET_REVIEW_MACHINE_ARN: text,
  /** The planner is told here of cascades that are ended. */
  PLAN_QUEUE_URL: v.pipe(v.string(), v.trim(), v.url()),
  /** Where a message goes that can never be understood. */
  DEAD_LETTER_QUEUE_URL: v.pipe(v.string(), v.trim(), v.url()),
});
