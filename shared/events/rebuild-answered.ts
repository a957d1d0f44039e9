import * as v from '../schema.ts';
import { published } from './contract.ts';
import { count, epochMs, text, toldFacts } from './parts.ts';

const answered = {
  stream: text,
  /** Of the cause, as in RebuildNeeded. */
  version: count,
  /** A short name of the guard that answered. */
  reason: text,
  detail: text,
  /** When the answer changes by itself, where that is known. */
  recheckAtEpochMs: v.exactOptional(epochMs),
  ...toldFacts,
};

/** A stream is not rebuilt: something speaks against it that no waiting mends. */
export const rebuildRefused = published('RebuildRefused', 1, answered);

/** A stream is not rebuilt yet. */
export const rebuildWaiting = published('RebuildWaiting', 1, answered);
