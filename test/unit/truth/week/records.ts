/*
 * What really happens in a simulated week: contents, instants, and who started what where. Nothing here comes from the ledger, and
 * nothing says whether an image may start.
 */

export interface WeekImage {
  readonly name: string;
  readonly digest: string;
  /** What a scanner scans: the image itself, or each image of an index. */
  readonly contents: readonly string[];
  /** Host and path. */
  readonly repository: string;
  readonly tag: string;
  readonly builtAtEpochMs: number;
  readonly pushedAtEpochMs: number;
  readonly isRoot: boolean;
  readonly namesSource: boolean;
  /** It has the package in which the week's flaw is published. */
  readonly isFlawed: boolean;
}

/** One text of the policy, as far as a start can depend on it. */
export interface PolicyText {
  readonly atEpochMs: number;
  readonly graceRunningDays: number;
  readonly ageLimitDays: number;
  readonly findingGraceDays: number;
  readonly staleScanHours: number;
  /** Rules that the text has. */
  readonly rules: readonly ('nonRoot' | 'sourceKnown' | 'tags')[];
  /** Of repositories that are not approved, how each begins. */
  readonly unapproved: readonly string[];
  /** The flaw is accepted until then. */
  readonly waivedUntilEpochMs?: number;
  /** No door judges. */
  readonly isOff?: boolean;
  /** Clusters in which no door judges. */
  readonly isOffIn?: readonly string[];
  /** Places that only warn. */
  readonly warns: readonly string[];
}

/** Something ran in a place. */
export interface TrueStay {
  readonly place: string;
  readonly digest: string;
  readonly fromEpochMs: number;
  /** Absent while it runs. */
  toEpochMs?: number;
  /** Since when its workload names the image, as its cluster keeps it; absent where no cluster does. */
  readonly namedFromEpochMs?: number;
}

/** A workload may start the image without a deployment: a CronJob, or one that is scaled to zero. */
export interface StartTemplate extends TrueStay {}

export interface TrueSpan {
  readonly fromEpochMs: number;
  readonly toEpochMs: number;
}

/** A scan of one image ended, with a result. */
export interface EndedScan {
  readonly digest: string;
  readonly atEpochMs: number;
}

export interface Records {
  /** Patchwave was installed. */
  readonly beganAtEpochMs: number;
  readonly images: Map<string, WeekImage>;
  readonly policies: PolicyText[];
  readonly runs: TrueStay[];
  readonly templates: StartTemplate[];
  /** When the flaw was published; absent where none was. */
  flawAtEpochMs?: number;
  readonly scans: EndedScan[];
  readonly copies: TrueCopy[];
  /** The scanner takes no request, or nothing of the registry can be read. */
  readonly outages: TrueSpan[];
  /** By image since when each scan of it fails. */
  readonly failing: Map<string, number>;
  /** The nightly reading of what runs, from its beginning to its end. */
  readonly reviews: TrueSpan[];
  /** The clusters of EKS cannot be read. */
  readonly unread: TrueSpan[];
  /** A person opened a place. */
  readonly openings: (TrueSpan & { readonly place: string })[];
}

/** The contents of an image came to another repository. They are the same, so nothing new speaks against them. */
export interface TrueCopy {
  readonly digest: string;
  readonly atEpochMs: number;
  /** Host and path. */
  readonly repository: string;
  /** It has the tag of the original; otherwise it has none. */
  readonly isTagged: boolean;
}

/** Somebody asks to start an image. */
export interface Start {
  readonly atEpochMs: number;
  readonly place: string;
  readonly digest: string;
}
