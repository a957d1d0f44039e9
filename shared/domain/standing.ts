import type { Behind } from './behind.ts';
import type { Birth } from './birth.ts';
import type { Digest } from './image.ts';
import type { Parent } from './lineage-evidence.ts';

/** What an image stands on and how old that makes it, by all that the last review knew. */
export interface Standing {
  /** Absent where no known image is below it. */
  readonly parent?: Parent;
  readonly age: StandingAge;
  /** Absent where it stands on the head of the stream below it, or on none. */
  readonly behind?: Behind;
}

/** What an image stands on from now on, or how that changes over what is known as it is written; `undefined` leaves it. */
export type StandingChange = Standing | ((before: Standing | undefined) => Standing | undefined);

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

/** What the age of an image is read from: its record. */
export interface Aged {
  readonly digest: Digest;
  readonly birth: Birth;
  readonly standing?: Standing;
}

/** How old an image counts: by all that it stands on, or by itself until a review has looked what that is. */
export function ageOf({ digest, birth, standing }: Aged): StandingAge {
  if (standing) return standing.age;
  return birth.known
    ? { known: true, bornAtEpochMs: birth.bornAtEpochMs, decidedBy: digest }
    : { known: false, unknown: [digest] };
}
