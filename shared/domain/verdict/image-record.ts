import type { ImageLineage, LineageAge } from '../age/image-lineage.ts';
import type { Digest } from '../image/image.ts';
import type { ImageProperties } from '../image/image-properties.ts';
import type { Parent } from '../lineage/parent.ts';
import type { ScanState } from '../scan/scan.ts';
import type { Verdict } from './verdict.ts';

/** The ledger record of an image. */
export interface ImageRecord extends ImageProperties, LastResults {
  readonly inUse: boolean;
  readonly isHead: boolean;
  /** Absent until a review has resolved its lineage. */
  readonly lineage?: ImageLineage;
  /**
   * Repositories (`locationKey`) that no review has read and that may contain an ancestor, so that the image has no
   * lineage. Sorted; absent if there are none, or no search has run yet.
   */
  readonly mayLieBelow?: readonly string[];
  /** With `mayLieBelow`: as in `NotFound`. */
  readonly isParentAsBefore?: true;
  readonly parentAsBefore?: Parent;
  /** By scope (`registryKey`): a workload there that runs it only by a guess (`tag-guess`); absent if there is none. */
  readonly guessedIn?: GuessedIn;
  /** When a Patchwave rebuild that produced the same layers began: without a cache, and with a fresh pull. */
  readonly reconfirmedAtEpochMs?: number;
  readonly scan: ScanState;
  readonly verdict?: Verdict;
  /** Changes exactly when the set of findings does. */
  readonly findingsFingerprint?: string;
  readonly findingsCount?: number;
  /** When the verdict was last confirmed; absent once the properties or the age changed after it. */
  readonly judgedAtEpochMs?: number;
}

export type GuessedIn = Readonly<Record<string, string>>;

/** The result of one evaluation of an image. */
export interface Judgement {
  readonly digest: Digest;
  readonly scan: ScanState;
  readonly verdict: Verdict;
  /** Left out if no findings were read: the known ones stay. */
  readonly findingsFingerprint?: string;
  readonly findingsCount?: number;
  readonly judgedAtEpochMs: number;
  /** The properties that it judged; left out if the verdict follows from none, as for a refused scan. */
  readonly properties?: ImageProperties;
  /** The age that it used (`ageOf`); left out together with the properties. */
  readonly age?: LineageAge;
  /** The guessed usages that it used. */
  readonly guessedIn?: GuessedIn;
}

/** A result that counts no more. */
export interface EndedResult {
  /** When another verdict replaced it, or the image passed a limit. */
  readonly untilEpochMs: number;
  /** The scan result behind it, which lasts for `staleScanHours`. */
  readonly resultAtEpochMs?: number;
}

/** Kept with the record once the verdict in it is not such a result itself. */
export interface LastResults {
  /** Without a doubt: every input of the verdict was known. */
  readonly lastKnown?: EndedResult;
  /** Without a doubt and without a violation. */
  readonly lastGood?: EndedResult;
}
