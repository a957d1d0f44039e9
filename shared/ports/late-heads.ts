import type { ImageLocation } from '../domain/image/image.ts';

/** A repository whose heads may have moved while no policy with head tags could be read. */
export interface LateHeads {
  readonly location: ImageLocation;
  /** The last push or refresh request that no head update followed. */
  readonly atEpochMs: number;
}

/** Repositories whose heads are read once a policy can be read. */
export interface LateHeadsLedger {
  /** Adds a repository, or updates its time. */
  add(late: LateHeads): Promise<void>;
  /** Strongly consistent. */
  all(): AsyncIterable<LateHeads>;
  /** Removes the entry that was read; one added again since stays. */
  remove(late: LateHeads): Promise<void>;
}
