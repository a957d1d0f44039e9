import type { Closure } from '../domain/cause/cascade.ts';
import { digest } from '../domain/image/digest-schema.ts';
import type { PublishedEvent } from '../domain/outbox/published-event.ts';
import * as v from '../schema.ts';
import { published } from './contract.ts';
import { count, epochMs, listedFacts, publishedFacts, text } from './parts.ts';

/** A closure ended without a proof: Patchwave finds nothing that runs, and Amazon Inspector says that an image is in use. */
export const witnessDisagrees = published('WitnessDisagrees', 1, {
  cascadeId: text,
  stream: text,
  output: digest,
  sinceEpochMs: epochMs,
  runId: text,
  atEpochMs: epochMs,
  /** At most ten images. */
  witnessed: v.array(v.strictObject({ repository: text, digest, count, lastAtEpochMs: epochMs })),
  ...publishedFacts,
});

/** One event per closure that ends so. */
export function witnessDisagreement(before: Closure | undefined, after: Closure): PublishedEvent[] {
  const { cascadeId, stream, output, sinceEpochMs, facts, state, disagreement } = after;
  if (state !== 'witness-disagrees' || before?.state === state || !disagreement) return [];
  const { runId, atEpochMs, witnessed } = disagreement;
  return [
    witnessDisagrees.event(stream, {
      cascadeId,
      stream,
      output,
      sinceEpochMs,
      runId,
      atEpochMs,
      witnessed: [...witnessed],
      ...listedFacts(facts),
    }),
  ];
}
