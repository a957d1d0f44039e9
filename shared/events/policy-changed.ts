import * as v from '../schema.ts';
import { published } from './contract.ts';
import { epochMs, text } from './parts.ts';

/** Another policy is in force. */
export const policyChanged = published('PolicyChanged', 1, {
  /** SHA-256 of the policy's canonical JSON; `policies/<version>.json` in the evidence bucket. */
  version: text,
  replaces: v.exactOptional(text),
  author: text,
  atEpochMs: epochMs,
});
