import type { ImageLocation } from '../domain/image/image.ts';

/** A repository whose heads may have moved while no policy could be read that says which tags make a head. */
export interface LateHeads {
  readonly location: ImageLocation;
  /** The last push, or question after its heads, that no head followed from. */
  readonly atEpochMs: number;
}

/** Repositories whose heads are looked at once a policy can be read. */
export interface LateHeadsLedger {
  /** Adds a repository, or writes that it is late since now. */
  add(late: LateHeads): Promise<void>;
  /** Strongly consistent. */
  all(): AsyncIterable<LateHeads>;
  /** Removes it as it was read; one that was added again since stays. */
  remove(late: LateHeads): Promise<void>;
}
