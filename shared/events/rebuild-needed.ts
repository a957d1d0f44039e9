import { published } from './contract.ts';
import { count, epochMs, text, toldFacts } from './parts.ts';

/** A stream has a new reason to be rebuilt. In report-only mode nothing follows from it. */
export const rebuildNeeded = published('RebuildNeeded', 1, {
  stream: text,
  /** Of the cause: grows with each new fact. */
  version: count,
  sinceEpochMs: epochMs,
  ...toldFacts,
});
