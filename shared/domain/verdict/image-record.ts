import type { ImageLineage, LineageAge } from '../age/image-lineage.ts';
import type { Digest } from '../image/image.ts';
import type { ImageFacts } from '../image/image-facts.ts';
import type { Parent } from '../lineage/parent.ts';
import type { ScanState } from '../scan/scan.ts';
import type { Verdict } from './verdict.ts';

/** An image as the ledger knows it. */
export interface ImageRecord extends ImageFacts {
  readonly inUse: boolean;
  readonly isHead: boolean;
  /** Absent until a review has looked what it is built on. */
  readonly lineage?: ImageLineage;
  /**
   * Repositories (`locationKey`) that no review has read and that may hold an image below this one, so that it has no lineage.
   * Sorted; absent where there are none, or no search has looked yet.
   */
  readonly mayLieBelow?: readonly string[];
  /** Beside `mayLieBelow`: as `NotFound` has them. */
  readonly isParentAsBefore?: true;
  readonly parentAsBefore?: Parent;
  /** By scope (`registryKey`) a workload there that runs it by a guess alone (`tag-guess`); absent where none does. */
  readonly guessedIn?: GuessedIn;
  /** When a rebuild of ours that made the same layers again began: without a cache, and with a fresh pull. */
  readonly reconfirmedAtEpochMs?: number;
  readonly scan: ScanState;
  readonly verdict?: Verdict;
  /** Changes exactly when the set of findings does. */
  readonly findingsFingerprint?: string;
  readonly findingsCount?: number;
  /** When the verdict was last confirmed; absent once the facts or the age changed after it. */
  readonly judgedAtEpochMs?: number;
}

export type GuessedIn = Readonly<Record<string, string>>;

/** What one look at an image came to. */
export interface Judgement {
  readonly digest: Digest;
  readonly scan: ScanState;
  readonly verdict: Verdict;
  /** Left out where no findings were read: those that are known stay. */
  readonly findingsFingerprint?: string;
  readonly findingsCount?: number;
  readonly judgedAtEpochMs: number;
  /** What it judged by; left out where the verdict follows from no facts: a refusal to scan. */
  readonly facts?: ImageFacts;
  /** How old it took the image to be (`ageOf`); left out together with the facts. */
  readonly age?: LineageAge;
  /** Who it took to run the image by a guess. */
  readonly guessedIn?: GuessedIn;
}
