import * as v from '../../shared/schema.ts';

const text = v.text();

export const environment = v.object({
  LEDGER_TABLE: text,
  /** Its own messages come from here; what failed is hidden there for a while. */
  QUEUE_URL: v.pipe(v.string(), v.trim(), v.url()),
  EVIDENCE_BUCKET: text,
  CASCADE_MACHINE_ARN: text,
  /** What a registry holds is asked for here. */
  REGISTRY_EVENT_QUEUE_URL: v.pipe(v.string(), v.trim(), v.url()),
  /** The reaper is told here of cascades whose execution is over. */
  CASCADE_END_QUEUE_URL: v.pipe(v.string(), v.trim(), v.url()),
});
