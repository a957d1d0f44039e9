import type { Cause } from '../domain/cause/cause.ts';
import type { PublishedEvent } from '../domain/outbox/published-event.ts';
import * as v from '../schema.ts';
import { published } from './contract.ts';
import { count, epochMs, listedFacts, publishedFacts, text } from './parts.ts';

const answered = {
  stream: text,
  /** The version of the cause, as in RebuildNeeded. */
  version: count,
  /** The short name of the guard that answered. */
  reason: text,
  detail: text,
  /** When the answer changes by itself, if known. */
  recheckAtEpochMs: v.exactOptional(epochMs),
  ...publishedFacts,
};

/** A stream is not rebuilt, for a reason that no waiting fixes. */
export const rebuildRefused = published('RebuildRefused', 1, answered);

/** A stream is not rebuilt yet. */
export const rebuildWaiting = published('RebuildWaiting', 1, answered);

/** Each answer of the guards is published once: a later time or other text for the same answer gives no event. */
export function answerChange(before: Cause | undefined, after: Cause): PublishedEvent[] {
  const { state, stream, version, answer, facts } = after;
  if (state !== 'open' || !answer) return [];
  if (before?.answer?.answer === answer.answer && before.answer.reason === answer.reason) return [];
  const { reason, detail, recheckAtEpochMs } = answer;
  const published = answer.answer === 'wait' ? rebuildWaiting : rebuildRefused;
  const recheck = recheckAtEpochMs !== undefined && { recheckAtEpochMs };
  return [published.event(stream, { stream, version, reason, detail, ...recheck, ...listedFacts(facts) })];
}
