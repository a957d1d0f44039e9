import type { BreakGlass } from '../domain/admission/admit.ts';
import type { Digest } from '../domain/image/image.ts';
import type { DoorPlace } from '../domain/policy/doors.ts';

/** Messages to one queue: delivered at least once, in any order, with a delay. */
export interface Messages<Message> {
  /** @throws MessagesNotSentError if any of them was not accepted; sending all again is safe */
  send(messages: readonly Message[]): Promise<void>;
}

/**
 * A review said that the annotation of a namespace changes. Anybody with the path of the cluster can say so, so the receiver reads
 * the namespace from the API of the cluster itself.
 */
export type BreakGlassCheck = {
  readonly place: Required<DoorPlace>;
  /** Identity of the review, and whom the cluster authenticated, as the review says. */
  readonly uid: string;
  readonly user: string;
  readonly askedAtEpochMs: number;
} & ({ readonly kind: 'begin'; readonly breakGlass: BreakGlass } | { readonly kind: 'end' });

/** Requests a fresh read of a stream's repository: its images and heads in the ledger. */
export interface RefreshRequest {
  readonly kind: 'refresh';
  readonly stream: string;
  /** One image that must be read, with any tags or none; absent for heads. */
  readonly digest?: Digest;
  /**
   * Requests new scans of heads whose last scan is a day old, because such a scan does not decide what the caller
   * needs.
   */
  readonly scansAgain?: true;
  /**
   * Somebody waits for the verdict on the image of `digest`, or on those of an index: they are scanned, placed and judged,
   * although nothing may run them.
   */
  readonly judges?: true;
}

/**
 * Judge an image again by its last scan result: its verdict does not use that result, or the image was judged before it
 * became a head.
 */
export interface JudgeRequest {
  readonly kind: 'judge';
  readonly digest: Digest;
}

/** Searches the parents of unplaced heads of a stream, as after a moved head, because no event will come. */
export interface FollowRequest {
  readonly kind: 'follow';
  readonly stream: string;
}

/** Searches the parents of one image, which need not be a head, or of those of an index, and has them judged again. */
export interface PlaceRequest {
  readonly kind: 'place';
  readonly digest: Digest;
}

/** An open cascade seems abandoned: the receiver checks whether its execution is over, and ends it. */
export interface CascadeEnding {
  readonly kind: 'ended';
  readonly cascadeId: string;
}

/** A parked rebuild may have ended: the receiver asks its runner, and ends it if no cascade can resume it. */
export interface ParkedPoll {
  readonly kind: 'parked';
  /** The cascade that parked it. */
  readonly cascadeId: string;
  readonly stream: string;
  readonly rebuildId: string;
}

/** The ledger has new data: plan what waited for it. */
export interface PlannerWaking {
  /** `resumable`: the run of a parked rebuild has ended. */
  readonly kind: 'refreshed' | 'reaped' | 'resumable';
  readonly about: string;
}
