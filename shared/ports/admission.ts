import type { BreakGlass } from '../domain/admission/admit.ts';
import type { Digest } from '../domain/image/image.ts';
import type { DoorPlace } from '../domain/policy/doors.ts';
import type { ImageLedger, PlaceLedger } from './ledger.ts';

/** What the facts for an admission are read from. Reads at the same time are one batch. */
export interface AdmissionReads {
  readonly images: Pick<ImageLedger, 'get'>;
  readonly places: Pick<PlaceLedger, 'indexes'>;
  readonly running: RunningReads;
}

/** Which images run where, by the last complete reading of each cluster. */
export interface RunningReads {
  /** Those of the digests that a workload of the place runs. */
  runningIn(digests: readonly Digest[], place: DoorPlace): Promise<ReadonlySet<Digest>>;
}

/** An image that runs in a namespace or an ECS cluster. */
export interface ImagePresence {
  readonly digest: Digest;
  readonly place: DoorPlace;
}

/** Marks are written on change, before the usages that they follow from. */
export interface RunningLedger {
  /** Marks images as running; a repeated mark changes nothing. */
  begin(images: readonly ImagePresence[], atEpochMs: number): Promise<void>;
  /** Ends marks; they expire 90 days later. */
  end(images: readonly ImagePresence[], atEpochMs: number): Promise<void>;
}

/** The break-glass of a namespace; it ends by itself. */
export interface BreakGlassReads {
  /** Also one that has expired, as long as the ledger keeps it. */
  breakGlassOf(place: DoorPlace): Promise<BreakGlass | undefined>;
}
