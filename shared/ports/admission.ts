import type { BreakGlass } from '../domain/admission/admit.ts';
import type { Presence } from '../domain/admission/standing.ts';
import type { PathKind } from '../domain/admission/webhook-path.ts';
import type { Digest } from '../domain/image/image.ts';
import type { Cluster } from '../domain/image/usage.ts';
import type { DoorPlace } from '../domain/policy/doors.ts';
import type { ImageLedger, PlaceLedger } from './ledger.ts';

/** What the facts for an admission are read from. Reads at the same time are one batch. */
export interface AdmissionReads {
  readonly images: Pick<ImageLedger, 'get'>;
  /** Without `holders` a tag is judged by its name alone. */
  readonly places: Pick<PlaceLedger, 'indexStates'> & Partial<Pick<PlaceLedger, 'holders'>>;
  readonly running: RunningReads;
}

/** Which images run where, or ran, by the last complete reading of each cluster. */
export interface RunningReads {
  /** The presences of the digests in the place. */
  presencesIn(digests: readonly Digest[], place: DoorPlace): Promise<ReadonlyMap<Digest, Presence>>;
}

/** The same of one image in all places. */
export interface PresencesOfImages {
  presencesOf(digest: Digest): Promise<readonly PlacedPresence[]>;
}

/** An image that runs in a namespace or an ECS cluster, or ran there. */
export interface ImagePresence {
  readonly digest: Digest;
  readonly place: DoorPlace;
}

export type PlacedPresence = ImagePresence & { readonly presence: Presence };

/** Presences are written on change, before the usages that they follow from. */
export interface RunningLedger extends RunningReads {
  /** Replaces the presences; one that has ended expires 90 days later. */
  record(presences: readonly PlacedPresence[]): Promise<void>;
}

/** The break-glass of a place; it ends by itself. */
export interface BreakGlassReads {
  /** Also one that has expired, as long as the ledger keeps it; none that was ended. */
  breakGlassOf(place: DoorPlace): Promise<BreakGlass | undefined>;
}

/**
 * What shows that a break-glass may count: the hub read the annotation from the API of the cluster itself, or a person with
 * rights on the ledger opened the place.
 */
export type BreakGlassProof = 'cluster' | 'person';

/** A break-glass that nobody ended. */
export interface OpenBreakGlass extends BreakGlass {
  readonly place: DoorPlace;
  /** The user of the cluster who began it, or the person as AWS names them. */
  readonly by: string;
  readonly beganAtEpochMs: number;
  /** Absent for one that version 0.2.0 recorded, at the word of a request. */
  readonly proof?: BreakGlassProof;
}

export interface OpenBreakGlasses {
  /** Those that count at an instant, in no order. */
  open(atEpochMs: number): AsyncIterable<OpenBreakGlass>;
}

/** A break-glass with what became of it. */
export interface PastBreakGlass extends OpenBreakGlass {
  /** When a person ended it, or another one replaced it, before it expired. */
  readonly endedAtEpochMs?: number;
  /** Who did. */
  readonly endedBy?: string;
}

export interface PastBreakGlasses {
  /** Every one, also one that is open, in the order in which they began. The ledger keeps each for 400 days after its end. */
  all(): AsyncIterable<PastBreakGlass>;
  /** Those that counted after an instant, the newest first. */
  since(epochMs: number): AsyncIterable<PastBreakGlass>;
}

/** A change of a break-glass. */
export interface BreakGlassChange {
  /** Identity of the change: a repeated one changes nothing. */
  readonly uid: string;
  /** The user whom the cluster authenticated, or the person as AWS names them; any text. */
  readonly user: string;
  readonly atEpochMs: number;
  readonly proof?: BreakGlassProof;
}

/**
 * The same, and changes. A place has at most two: one by the annotation of its namespace, and one of a person. Each ends by
 * itself; the place is open while one counts.
 */
export interface BreakGlassLedger extends BreakGlassReads {
  /**
   * Replaces an earlier one of the place with such a proof. What a person closed does not begin again by the annotation that is still
   * there: a review of it proves nothing new.
   * @returns whether it counts
   * @throws LedgerContendedError
   */
  begin(place: DoorPlace, breakGlass: BreakGlass, change: BreakGlassChange): Promise<boolean>;
  /** Ends what is open there: a person ends both, a cluster only that of its annotation. @throws LedgerContendedError */
  end(place: DoorPlace, change: BreakGlassChange): Promise<void>;
}

/** How the ledger keeps it. */
export interface StoredBreakGlass extends BreakGlass {
  /** Absent in items that an earlier build wrote. */
  readonly place?: DoorPlace;
  readonly by: string;
  readonly beganAtEpochMs: number;
  readonly proof?: BreakGlassProof;
  readonly endedAtEpochMs?: number;
  readonly endedBy?: string;
  /** A person ended it, whatever the cluster shows. */
  readonly isClosed?: true;
  /** The last changes of it, the newest last. */
  readonly requests: readonly string[];
  /** For DynamoDB's time to live, in seconds. */
  readonly expiresAt: number;
}

/** How the ledger keeps one for those who ask later who opened what. */
export interface StoredPastBreakGlass extends PastBreakGlass {
  /** For DynamoDB's time to live, in seconds. */
  readonly expiresAt: number;
}

/** A cluster whose API server asked a webhook. */
export interface AskedWebhook {
  readonly cluster: Cluster;
  /** To the hour. */
  readonly lastAskedAtEpochMs: number;
  /** When it last asked by the secret of version 0.2.0, likewise; absent if it never did. */
  readonly sharedSecretAtEpochMs?: number;
}

export interface AskedWebhooks {
  all(): AsyncIterable<AskedWebhook>;
}

export interface AskedWebhookLedger extends AskedWebhooks {
  /** An hour that is recorded, or an earlier one, changes nothing. @throws LedgerContendedError */
  record(cluster: Cluster, kind: PathKind, atEpochMs: number): Promise<void>;
  /** Until the cluster asks again, it is not known to have asked. @returns whether it was */
  forget(cluster: Cluster): Promise<boolean>;
}

/** How the ledger keeps it. */
export interface StoredAskedWebhook extends AskedWebhook {
  /** For DynamoDB's time to live, in seconds. */
  readonly expiresAt: number;
}
