import type { Digest } from '../domain/image/image.ts';

/** Messages to one queue: told at least once, in any order, some time later. */
export interface Messages<Message> {
  /** @throws MessagesNotSentError where any of them was not taken; sending all again is fine */
  send(messages: readonly Message[]): Promise<void>;
}

/** Somebody needs to know what the repository of a stream holds: its images and heads, as the ledger then tells them. */
export interface RefreshRequest {
  readonly kind: 'refresh';
  readonly stream: string;
  /** One image that must be known, whatever its tags; absent where the heads are asked for. */
  readonly digest?: Digest;
  /** Scan heads again whose last scan is a day old: it does not decide what the caller must know. */
  readonly scansAgain?: true;
}

/** The result of an image's scan is there, and its verdict says nothing by it: it is to be judged once more. */
export interface JudgeRequest {
  readonly kind: 'judge';
  readonly digest: Digest;
}

/** No search has placed a head of a stream yet, though no event is on its way: its parents are looked for, as when a head moves. */
export interface FollowRequest {
  readonly kind: 'follow';
  readonly stream: string;
}

/** Nobody seems to work on a cascade that is open: whoever is told looks whether its execution is over, and ends it. */
export interface CascadeEnding {
  readonly kind: 'ended';
  readonly cascadeId: string;
}

/** A rebuild is parked, and its run may have ended: its runner is asked, and what no cascade can take up is ended. */
export interface ParkedPoll {
  readonly kind: 'parked';
  /** Which parked it. */
  readonly cascadeId: string;
  readonly stream: string;
  readonly rebuildId: string;
}

/** The ledger knows more than it did: what waited for that is planned. */
export interface PlannerWaking {
  /** `resumable`: the run of a parked rebuild has ended. */
  readonly kind: 'refreshed' | 'reaped' | 'resumable';
  readonly about: string;
}
