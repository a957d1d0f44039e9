import type { NodeAnswer } from '../cause/node-answer.ts';
import { counted } from '../common/counted.ts';

export const HEAD_FIXED = 'head-fixed';
export const PARENT_NOT_VERIFIED = 'parent-not-verified';

/** A parent stream must be fixed first and is on hold itself, or waits for a person. */
export const PARENT_ON_HOLD = 'parent-on-hold';

/** The pipeline run of the stream waits for a person. */
export const WAITING_APPROVAL = 'waiting-approval';

/**
 * `closing`: the new image exists, and older ones still run. `review-running`: the result of the review is awaited.
 * `head-unread`: a registry read is in progress. `head-fixed`: somebody else pushed a fixed head, so the cascade builds
 * nothing. `parent-on-hold`: a parent stream must be fixed first and is on hold itself. `parent-not-verified`: the
 * parent was rebuilt in the same cascade and not verified.
 */
export const WAIT_REASONS = [
  'paused',
  'already-open',
  WAITING_APPROVAL,
  'cool-down',
  'cap-reached',
  'unknown-facts',
  'head-unread',
  'unreadable-record',
  HEAD_FIXED,
  'runner-limit',
  'closing',
  PARENT_ON_HOLD,
  PARENT_NOT_VERIFIED,
  'review-running',
  'cascade-ended',
] as const;
export type WaitReason = (typeof WAIT_REASONS)[number];

/** Most serious first: if facts are refused for several reasons, the first one here is reported. */
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

/** Wait or refuse. `recheckAtEpochMs` is when the answer changes by itself, if known. */
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

/** No slot of a cap is free: `fleet`, or `account/<account>` of the pipeline. */
export const capReached = (capName: string): NegativeDecision =>
  wait(
    'cap-reached',
    `The policy allows no more rebuilds at once now (cap \`${capName}\`). Patchwave tries again when another rebuild ends.`,
  );

/** @param most how many new streams may start within a day */
export const rampReached = (most: number): NegativeDecision =>
  wait(
    'cap-reached',
    `The policy starts at most ${counted(most, 'new stream')} a day (\`caps.ramp\`). Patchwave starts this one later.`,
  );

/** A stream that waits for its parent; `why` is the answer for the parent. */
export const parentOnHold = (
  fact: string,
  parent: string,
  { reason, detail, recheckAtEpochMs }: NegativeDecision,
): NegativeDecision =>
  wait(
    'parent-on-hold',
    `Parent stream ${parent} must be rebuilt first because of ${fact}, but is on hold (${reason}): ${detail}`,
    recheckAtEpochMs,
  );

/** A stream that must not be built on the current head of its parent; `why` is the answer for the parent. */
export const builtOnParentOnHold = (
  parent: string,
  { reason, detail, recheckAtEpochMs }: NegativeDecision,
): NegativeDecision =>
  wait(
    'parent-on-hold',
    `This stream would be built on the head of parent stream ${parent}, which is on hold (${reason}): ${detail}`,
    recheckAtEpochMs,
  );

/** A stream at too great a depth, itself included; `most` is the limit of the policy. */
export const tooDeep = (depth: number, most: number): NegativeDecision =>
  refuse(
    'depth',
    `The stream is number ${depth} in a chain of streams that are built on one another; \`guards.depth\` allows ${most}. Raise that limit, or shorten the chain.`,
  );

export const HEAD_UNREAD = wait(
  'head-unread',
  'Patchwave first reads the heads of this stream, and of streams built on it, from the registry.',
);
