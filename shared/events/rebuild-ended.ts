import * as v from '../schema.ts';
import { published } from './contract.ts';
import { count, digest, text, toldFacts } from './parts.ts';

const ended = {
  stream: text,
  rebuildId: text,
  cascadeId: text,
  /** 1, 2, 3: how many rebuilds of the stream in a row were tried. */
  attempt: count,
  headBefore: v.exactOptional(digest),
  output: v.exactOptional(digest),
  ...toldFacts,
};

/** A rebuild mended all that it was to mend: seen by a complete scan of what it made. */
export const rebuildVerified = published('RebuildVerified', 1, ended);

/** A rebuild came to an end and is not known to have mended what it was to mend. */
export const rebuildIneffective = published('RebuildIneffective', 1, {
  ...ended,
  result: v.picklist(['ineffective', 'worse', 'unverified', 'no-output', 'failed']),
  /** Why nobody knows more; absent for `ineffective` and `worse`. */
  reason: v.exactOptional(v.string()),
});
