import type { Digest } from '../domain/image.ts';

/** Messages to one queue: told at least once, in any order, some time later. */
export interface Messages<Message> {
  /** @throws MessagesNotSentError where any of them was not taken; sending all again is fine */
  send(messages: readonly Message[]): Promise<void>;
}

/** Somebody needs to know what the repository of a stream holds: its images and heads, as the ledger then tells them. */
export interface LookRequest {
  readonly kind: 'look';
  readonly stream: string;
  /** One image that must be known, whatever its tags; absent where the heads are asked for. */
  readonly digest?: Digest;
}

/** Nobody seems to work on a cascade that is open: whoever is told looks whether its execution is over, and ends it. */
export interface CascadeEnding {
  readonly kind: 'ended';
  readonly cascadeId: string;
}

/** The ledger knows more than it did: what waited for that is planned. */
export interface PlannerWaking {
  readonly kind: 'looked' | 'reaped';
  readonly about: string;
}
