import type { Digest } from './image.ts';
import type { Parent } from './lineage-evidence.ts';

/** What an image stands on and how old that makes it, by all that the last review knew. */
export interface Standing {
  /** Absent where no known image is below it. */
  readonly parent?: Parent;
  readonly age: StandingAge;
}

/** The oldest of what counts (`effectiveBirth`), as it is kept with the image. */
export type StandingAge =
  | ({ readonly known: true } & OldestBelow)
  | {
      readonly known: false;
      /** Images that count, of which nobody knows the birth; the lowest first, at most `MOST_UNKNOWN_KEPT`. */
      readonly unknown: readonly Digest[];
      /** It is at least as old as that, where anything is known. */
      readonly oldestKnown?: OldestBelow;
    };

export interface OldestBelow {
  readonly bornAtEpochMs: number;
  /** The image whose birth it is: this one or an ancestor. */
  readonly decidedBy: Digest;
}

export const MOST_UNKNOWN_KEPT = 5;
