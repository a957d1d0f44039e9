import type { PublishedEvent } from '../domain/outbox/published-event.ts';
import type { ReviewRecord } from '../domain/review/run.ts';
import * as v from '../schema.ts';
import { published } from './contract.ts';
import { epochMs, text, totals } from './parts.ts';

/** A review ended, successfully or not. */
export const fleetReviewed = published('FleetReviewed', 1, {
  runId: text,
  mode: v.picklist(['review', 'preview']),
  state: v.picklist(['succeeded', 'failed']),
  policyVersion: text,
  startedAtEpochMs: epochMs,
  endedAtEpochMs: v.exactOptional(epochMs),
  /** Absent if the review ended before it could sum up. */
  totals: v.exactOptional(totals),
  failure: v.exactOptional(v.strictObject({ error: text, detail: v.string() })),
});

export function reviewEnd(before: ReviewRecord | undefined, after: ReviewRecord): PublishedEvent[] {
  const { runId, mode, state, policyVersion, startedAtEpochMs, endedAtEpochMs, totals, failure } = after;
  if (state === 'running' || before?.state === state) return [];
  return [
    fleetReviewed.event(runId, {
      ...{ runId, mode, state, policyVersion, startedAtEpochMs },
      ...(endedAtEpochMs !== undefined && { endedAtEpochMs }),
      ...(totals && { totals }),
      ...(failure && { failure }),
    }),
  ];
}
