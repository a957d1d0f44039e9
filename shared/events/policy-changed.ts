import type { PublishedEvent } from '../domain/outbox/published-event.ts';
import type { PolicyPointer } from '../domain/policy/policy-pointer.ts';
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

export function policyChange(before: PolicyPointer | undefined, after: PolicyPointer): PublishedEvent[] {
  const { version, author, atEpochMs } = after;
  if (before?.version === version) return [];
  const replaces = before?.version ?? after.replaces;
  return [policyChanged.event(version, { version, ...(replaces !== undefined && { replaces }), author, atEpochMs })];
}
