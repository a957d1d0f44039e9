import type { Rebuild } from '../domain/cause/rebuild.ts';
import { digest } from '../domain/image/digest-schema.ts';
import type { PublishedEvent } from '../domain/outbox/published-event.ts';
import * as v from '../schema.ts';
import { published } from './contract.ts';
import { count, listedFacts, publishedFacts, text } from './parts.ts';

const ended = {
  stream: text,
  rebuildId: text,
  cascadeId: text,
  /** 1, 2, 3: how many rebuilds of the stream in a row were tried. */
  attempt: count,
  headBefore: v.exactOptional(digest),
  output: v.exactOptional(digest),
  ...publishedFacts,
};

/** A rebuild fixed all its facts: shown by a complete scan of its output. */
export const rebuildVerified = published('RebuildVerified', 1, ended);

/** A rebuild ended and is not known to have fixed its facts. */
export const rebuildIneffective = published('RebuildIneffective', 1, {
  ...ended,
  result: v.picklist(['ineffective', 'worse', 'unverified', 'no-output', 'failed']),
  /** Why the result is unknown; absent for `ineffective` and `worse`. */
  reason: v.exactOptional(v.string()),
});

/** Every ended rebuild is published: as verified, or as not known to have fixed its facts. */
export function rebuildEnd(before: Rebuild | undefined, after: Rebuild): PublishedEvent[] {
  const { stream, rebuildId, cascadeId, attempt, headBefore, output, facts, outcome } = after;
  if (!outcome || before?.outcome?.result === outcome.result) return [];
  const common = {
    ...{ stream, rebuildId, cascadeId, attempt },
    ...(headBefore !== undefined && { headBefore }),
    ...(output !== undefined && { output }),
  };
  switch (outcome.result) {
    case 'fixed':
      return [rebuildVerified.event(stream, { ...common, ...listedFacts(facts) })];
    case 'ineffective':
      return [rebuildIneffective.event(stream, { ...common, result: outcome.result, ...listedFacts(outcome.left) })];
    case 'worse':
      return [rebuildIneffective.event(stream, { ...common, result: outcome.result, ...listedFacts(outcome.added) })];
    default: {
      const { reason } = outcome;
      return [rebuildIneffective.event(stream, { ...common, result: outcome.result, reason, ...listedFacts(facts) })];
    }
  }
}
