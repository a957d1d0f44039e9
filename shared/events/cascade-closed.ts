import { published } from './contract.ts';
import { count, digest, epochMs, text, toldFacts } from './parts.ts';

/** Nothing runs any more that holds what a stream of a cascade was to mend: the proof of one closure. */
export const cascadeClosed = published('CascadeClosed', 1, {
  cascadeId: text,
  stream: text,
  output: digest,
  sinceEpochMs: epochMs,
  runId: text,
  closedAtEpochMs: epochMs,
  scopes: count,
  usagesOfOutput: count,
  ...toldFacts,
});
