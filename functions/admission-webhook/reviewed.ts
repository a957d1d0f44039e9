import type { Admission } from '../../shared/domain/admission/admit.ts';
import type { Digest } from '../../shared/domain/image/image.ts';
import type { Cluster } from '../../shared/domain/image/usage.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import type { DoorPorts } from '../../shared/judging/decide-at-door.ts';
import type { BreakGlassReads } from '../../shared/ports/admission.ts';
import type { StartDenialLedger } from '../../shared/ports/denials.ts';
import type { StreamLedger } from '../../shared/ports/ledger.ts';
import type { BreakGlassCheck, Messages } from '../../shared/ports/messages.ts';
import type { AdmissionAnswer, Remark } from './answer.ts';
import type { RememberedReadings } from './remembered-readings.ts';

export interface ReviewPorts extends DoorPorts {
  readonly exceptions: BreakGlassReads;
  /** Wakes the function that reads the namespace from its cluster. */
  readonly checks: Messages<BreakGlassCheck>;
  /** How many checks one cluster may still ask for; absent without a limit. */
  readonly mayAsk?: (cluster: Cluster) => boolean;
  /** The policy that was read last; without one, a failed read is an error. */
  readonly lastPolicy?: () => Policy | undefined;
  /** What other reviews read within the last seconds; absent if each one reads by itself. */
  readonly remembered?: RememberedReadings;
  /** Ends the wait for reads and writes in time, by an error. */
  readonly inTime?: <Value>(work: Promise<Value>) => Promise<Value>;
  /** The same, of what only adds to a refusal: much sooner. */
  readonly soon?: <Value>(work: Promise<Value>) => Promise<Value>;
  /** By which a refusal names the head to deploy; without it, it names none. */
  readonly streams?: Pick<StreamLedger, 'streams'>;
  /** Where refusals are recorded; without it, nothing is. */
  readonly startDenials?: StartDenialLedger;
}

/** An image that keeps its pod from starting. */
export interface DeniedStart extends Remark {
  readonly ruleId: string;
}

export interface ReviewedAdmission {
  readonly answer: AdmissionAnswer;
  readonly decision: Admission['decision'];
  readonly ruleId?: string;
  /** It was answered by what was read for another review. */
  readonly isRemembered?: true;
  /** Of the images that are refused or warned of, each once; an image that no digest names is left out. */
  readonly digests?: readonly Digest[];
  /** What keeps the pod from starting. */
  readonly denied?: readonly DeniedStart[];
  /** Into how many containers of a pod a digest was written. */
  readonly pinned?: number;
  /** Why the refusal could not be recorded, or says nothing of a head to deploy. */
  readonly unreported?: unknown;
  /** What the namespace asks for. Nothing has changed yet. */
  readonly breakGlass?: 'begin' | 'end';
  /** Why policy or ledger could not be read, if the answer was given without them. */
  readonly unread?: unknown;
}
