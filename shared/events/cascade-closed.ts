import type { Closure } from '../domain/cause/cascade.ts';
import { digest } from '../domain/image/digest-schema.ts';
import type { PublishedEvent } from '../domain/outbox/published-event.ts';
import * as v from '../schema.ts';
import { published } from './contract.ts';
import { count, epochMs, listedFacts, publishedFacts, text } from './parts.ts';

/** No image with the facts that a stream of a cascade had to fix runs any longer, and none may start: the proof of one closure. */
export const cascadeClosed = published('CascadeClosed', 1, {
  cascadeId: text,
  stream: text,
  output: digest,
  sinceEpochMs: epochMs,
  runId: text,
  /** Since when none runs; time to fix ends here. */
  nothingRunsSinceEpochMs: epochMs,
  closedAtEpochMs: epochMs,
  scopes: count,
  usagesOfOutput: count,
  /** Scopes that left while a holder ran there, each confirmed by a person; absent if there is none. */
  confirmed: v.exactOptional(v.array(v.strictObject({ scope: text, by: text, atEpochMs: epochMs }))),
  /** Services at zero that may start one, each confirmed as unused by a person; absent if there is none. */
  unused: v.exactOptional(
    v.array(v.strictObject({ service: text, by: text, atEpochMs: epochMs, untilEpochMs: epochMs })),
  ),
  ...publishedFacts,
});

/** One event per stream of a cascade, once no image that it had to fix runs or may start. */
export function closureEnd(before: Closure | undefined, after: Closure): PublishedEvent[] {
  const { cascadeId, stream, output, sinceEpochMs, facts, proof } = after;
  if (after.state !== 'closed' || before?.state === 'closed' || !proof) return [];
  const { confirmed, unused, nothingRunsSinceEpochMs = proof.closedAtEpochMs, ...read } = proof;
  return [
    cascadeClosed.event(stream, {
      ...{ cascadeId, stream, output, sinceEpochMs, nothingRunsSinceEpochMs, ...read },
      ...(confirmed && { confirmed: [...confirmed] }),
      ...(unused && { unused: [...unused] }),
      ...listedFacts(facts),
    }),
  ];
}
