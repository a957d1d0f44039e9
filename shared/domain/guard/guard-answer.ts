import type { NodeAnswer } from '../cause/node-answer.ts';

export const HEAD_FIXED = 'head-fixed';
export const PARENT_NOT_VERIFIED = 'parent-not-verified';

/** A stream that it is built on is to be fixed first and is on hold itself, or waits for a person. */
export const PARENT_ON_HOLD = 'parent-on-hold';

/** The run of its pipeline waits for a person. */
export const WAITING_APPROVAL = 'waiting-approval';

/**
 * `closing`: the new image is there, and older ones still run. `review-running`: its result is awaited. `head-unread`: the
 * registry is being asked. `head-fixed`: somebody was faster, so that its cascade builds nothing. `parent-on-hold`: a
 * stream that it is built on is to be fixed first, and is on hold itself. `parent-not-verified`: that one was rebuilt in
 * the same cascade, and did not come to its end.
 */
export type WaitReason =
  | 'paused'
  | 'already-open'
  | typeof WAITING_APPROVAL
  | 'cool-down'
  | 'cap-reached'
  | 'unknown-facts'
  | 'head-unread'
  | 'unreadable-record'
  | typeof HEAD_FIXED
  | 'runner-limit'
  | 'closing'
  | typeof PARENT_ON_HOLD
  | typeof PARENT_NOT_VERIFIED
  | 'review-running'
  | 'cascade-ended';

/** Gravest first: where facts are refused for several reasons, this order says which one answers. */
export const REFUSE_REASONS = [
  'not-in-policy',
  'report-only',
  'no-pipeline',
  'cycle',
  'depth',
  'start-unknown',
  'attempts-exhausted',
  'parent-pinned',
  'ineffective',
  'no-fix-seen',
  'would-not-help',
] as const;
export type RefuseReason = (typeof REFUSE_REASONS)[number];

/** Not now, or not at all; `recheckAtEpochMs` is when the answer changes by itself, where that is known. */
export interface NegativeDecision extends NodeAnswer {
  readonly reason: WaitReason | RefuseReason;
}

export const wait = (reason: WaitReason, detail: string, recheckAtEpochMs?: number): NegativeDecision => ({
  answer: 'wait',
  reason,
  detail,
  ...(recheckAtEpochMs !== undefined && { recheckAtEpochMs }),
});

export const refuse = (reason: RefuseReason, detail: string, recheckAtEpochMs?: number): NegativeDecision => ({
  answer: 'refuse',
  reason,
  detail,
  ...(recheckAtEpochMs !== undefined && { recheckAtEpochMs }),
});

/** A slot of a cap could not be had: `fleet`, or `account/<account>` of the pipeline. */
export const capReached = (scope: string): NegativeDecision =>
  wait('cap-reached', `All slots of cap \`${scope}\` are taken. Patchwave retries when another rebuild ends.`);

/** A stream that waits for what it is built on: `why` is the answer of that one. */
export const parentOnHold = (
  fact: string,
  parent: string,
  { reason, detail, recheckAtEpochMs }: NegativeDecision,
): NegativeDecision =>
  wait(
    'parent-on-hold',
    `Parent stream ${parent} must fix ${fact} first; it is on hold (${reason}): ${detail}`,
    recheckAtEpochMs,
  );

/** A stream that must not be built on what it is built on as that is now; `why` is the answer of that one. */
export const builtOnParentOnHold = (
  parent: string,
  { reason, detail, recheckAtEpochMs }: NegativeDecision,
): NegativeDecision =>
  wait(
    'parent-on-hold',
    `A build would start from the head of parent stream ${parent}, which is on hold (${reason}): ${detail}`,
    recheckAtEpochMs,
  );

/** A stream with so many streams on top of one another, itself included; `most` is what the policy allows. */
export const tooDeep = (depth: number, most: number): NegativeDecision =>
  refuse('depth', `The stream is at depth ${depth}; the policy allows ${most}.`);

/** An instant as every text of the ledger writes it. */
export const instantText = (epochMs: number): string => new Date(epochMs).toISOString();

export const HEAD_UNREAD = wait('head-unread', 'Waiting for a fresh registry read of this stream or its children.');
