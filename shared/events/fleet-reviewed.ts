import * as v from '../schema.ts';
import { published } from './contract.ts';
import { epochMs, text, totals } from './parts.ts';

/** A review ended, well or not. */
export const fleetReviewed = published('FleetReviewed', 1, {
  runId: text,
  mode: v.picklist(['review', 'preview']),
  state: v.picklist(['succeeded', 'failed']),
  policyVersion: text,
  startedAtEpochMs: epochMs,
  endedAtEpochMs: v.exactOptional(epochMs),
  /** Absent where the review broke off before it could sum up. */
  totals: v.exactOptional(totals),
  failure: v.exactOptional(v.strictObject({ error: text, detail: v.string() })),
});
