import type { Closure } from '../cause/cascade.ts';
import type { Cause, CauseFact } from '../cause/cause.ts';
import type { Rebuild, RebuildOutcome } from '../cause/rebuild.ts';
import { sameContent } from '../common/same-content.ts';
import { headDigestOf } from '../stream/heads.ts';
import type { StreamRecord } from '../stream/stream-record.ts';
import { MOST_TOLD, type PublishedEvent } from './published-event.ts';

/* What is told of causes, and of what becomes of them. */

const toldFacts = (facts: readonly CauseFact[]) => ({ facts: facts.slice(0, MOST_TOLD), factCount: facts.length });

/**
 * Each version of a cause is told once: it grows with each new fact, which opens it. Each answer of the guards is told
 * once: a later instant or other words of the same answer are no news.
 */
export function causeChange(before: Cause | undefined, after: Cause): PublishedEvent[] {
  if (after.state !== 'open') return [];
  const isNew = !before || before.version < after.version;
  return [...(isNew ? [rebuildNeeded(after)] : []), ...answerChange(before, after)];
}

export const rebuildNeeded = ({ stream, version, sinceEpochMs, facts }: Cause): PublishedEvent => ({
  detailType: 'RebuildNeeded',
  resources: [stream],
  detail: { schemaVersion: 1, stream, version, sinceEpochMs, ...toldFacts(facts) },
});

function answerChange(before: Cause | undefined, { stream, version, answer, facts }: Cause): PublishedEvent[] {
  if (!answer || (before?.answer?.answer === answer.answer && before.answer.reason === answer.reason)) return [];
  const { reason, detail, recheckAtEpochMs } = answer;
  return [
    {
      detailType: answer.answer === 'wait' ? 'RebuildWaiting' : 'RebuildRefused',
      resources: [stream],
      detail: {
        ...{ schemaVersion: 1, stream, version, reason, detail },
        ...(recheckAtEpochMs !== undefined && { recheckAtEpochMs }),
        ...toldFacts(facts),
      },
    },
  ];
}

/** Every rebuild that comes to an end is told: as verified, or as one that mended nothing for sure. */
export function rebuildEnd(before: Rebuild | undefined, after: Rebuild): PublishedEvent[] {
  const { outcome } = after;
  if (!outcome || before?.outcome?.result === outcome.result) return [];
  const { stream, rebuildId, cascadeId, attempt, headBefore, output } = after;
  const common = {
    ...{ schemaVersion: 1, stream, rebuildId, cascadeId, attempt },
    ...(headBefore !== undefined && { headBefore }),
    ...(output !== undefined && { output }),
  };
  const detailType = outcome.result === 'fixed' ? 'RebuildVerified' : 'RebuildIneffective';
  return [{ detailType, resources: [stream], detail: { ...common, ...endDetail(after, outcome) } }];
}

/** What was mended, what is left, what was added, or why nobody knows. */
function endDetail({ facts }: Rebuild, outcome: RebuildOutcome) {
  const { result } = outcome;
  switch (outcome.result) {
    case 'fixed':
      return toldFacts(facts);
    case 'ineffective':
      return { result, ...toldFacts(outcome.left) };
    case 'worse':
      return { result, ...toldFacts(outcome.added) };
    default:
      return { result, reason: outcome.reason, ...toldFacts(facts) };
  }
}

/** The first head that is ever seen moved from nowhere: what stands on it is looked at by the review that found it. */
export function headMove(before: StreamRecord | undefined, { stream, tier, head }: StreamRecord): PublishedEvent[] {
  const previousHead = before?.head;
  if (!headDigestOf(head) || !headDigestOf(previousHead) || sameContent(head, previousHead)) return [];
  return [
    {
      detailType: 'HeadMoved',
      resources: [stream],
      detail: { schemaVersion: 1, stream, tier, head, previousHead },
    },
  ];
}

/** One event for each stream of a cascade, once nothing runs any more that it was to mend. */
export function closureEnd(before: Closure | undefined, after: Closure): PublishedEvent[] {
  const { cascadeId, stream, output, sinceEpochMs, facts, proof } = after;
  if (after.state !== 'closed' || before?.state === 'closed' || !proof) return [];
  return [
    {
      detailType: 'CascadeClosed',
      resources: [stream],
      detail: { schemaVersion: 1, cascadeId, stream, output, sinceEpochMs, ...proof, ...toldFacts(facts) },
    },
  ];
}
