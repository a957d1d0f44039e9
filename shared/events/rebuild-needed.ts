import type { Cause } from '../domain/cause/cause.ts';
import type { PublishedEvent } from '../domain/outbox/published-event.ts';
import { published } from './contract.ts';
import { count, epochMs, listedFacts, publishedFacts, text } from './parts.ts';

/** A stream has a new reason to be rebuilt. In report-only mode nothing follows from it. */
export const rebuildNeeded = published('RebuildNeeded', 1, {
  stream: text,
  /** The version of the cause: grows with each new fact. */
  version: count,
  sinceEpochMs: epochMs,
  ...publishedFacts,
});

/** Each version of a cause is published once: it grows with each new fact, which opens the cause. */
export function causeGrowth(before: Cause | undefined, after: Cause): PublishedEvent[] {
  const { state, stream, version, sinceEpochMs, facts } = after;
  if (state !== 'open' || (before && before.version >= version)) return [];
  return [rebuildNeeded.event(stream, { stream, version, sinceEpochMs, ...listedFacts(facts) })];
}
