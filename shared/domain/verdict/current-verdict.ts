import { type ImageLocation, locationKey } from '../image/image.ts';
import type { LocationRecord } from '../image/image-properties.ts';
import type { Policy } from '../policy/policy.ts';
import { SCAN_REASONS } from '../scan/scan-reasons.ts';
import { effectiveScanState, isKnowledge } from '../scan/scan-state.ts';
import type { ImageRecord } from './image-record.ts';
import { reasonText } from './reason-text.ts';
import type { Reason, Verdict, VerdictStatus } from './verdict.ts';

/** The recorded verdict on an image, as far as it counts now. */
export interface CurrentVerdict {
  /** `unknown` unless a recorded verdict counts. */
  readonly status: VerdictStatus;
  /** Of the verdict, if it counts. */
  readonly reasons: readonly Reason[];
  /** Of the verdict, if it counts. */
  readonly covers?: NonNullable<Verdict['covers']>;
  /** What has to come before the status can change; absent if waiting changes nothing. */
  readonly waitsFor?: string;
  /** No push of the image to the repository was seen. */
  readonly isUnfound?: true;
}

/** The policy in force. */
interface InForce {
  readonly policy: Pick<Policy, 'staleScanHours'>;
  readonly version: string;
}

/**
 * Whether the recorded verdict of an image counts: it is of the policy in force, and nothing that it used has changed or run
 * out since. It judges nothing itself.
 */
export function currentVerdict(image: ImageRecord | undefined, inForce: InForce, nowEpochMs: number): CurrentVerdict {
  const { verdict } = image ?? {};
  const missing = image && verdict ? outdated({ ...image, verdict }, inForce, nowEpochMs) : awaited(image);
  if (!verdict || missing !== undefined)
    return { status: 'unknown', reasons: [], ...(missing !== undefined && { waitsFor: missing }) };
  const { status, reasons, covers } = verdict;
  const counted = { status, reasons, ...(covers && { covers }) };
  const unknown = reasons.filter(({ effect }) => effect === 'unknown');
  if (status !== 'unknown' || unknown.some(isForGood)) return counted;
  return { ...counted, waitsFor: unknown.map(reasonText).join('; ') };
}

/**
 * The same at one place: the verdict on an image says nothing about a repository where no push of it was seen. A workload or
 * a request may name any repository.
 * @param places records of the image's places
 */
export function currentVerdictAt(
  image: ImageRecord | undefined,
  location: ImageLocation,
  places: readonly LocationRecord[],
  inForce: InForce,
  nowEpochMs: number,
): CurrentVerdict {
  const own = places.find((one) => locationKey(one.location) === locationKey(location));
  if (own?.lastPushSeenAtEpochMs !== undefined) return currentVerdict(image, inForce, nowEpochMs);
  return {
    ...{ status: 'unknown', reasons: [] },
    waitsFor: `Patchwave to find the image in ${locationKey(location)}`,
    isUnfound: true,
  };
}

const awaited = (image: ImageRecord | undefined): string =>
  image ? 'the first verdict on the image' : 'Patchwave to record the image';

/** Why a verdict counts no more. */
function outdated(
  { verdict, judgedAtEpochMs, scan }: ImageRecord & Required<Pick<ImageRecord, 'verdict'>>,
  { policy, version }: InForce,
  nowEpochMs: number,
): string | undefined {
  if (verdict.policyVersion !== version) return 'a verdict by the policy in force';
  if (judgedAtEpochMs === undefined) return 'a new verdict, because the facts of the image changed';
  if (verdict.status !== 'compliant') return undefined;
  if ((verdict.nextBreachAtEpochMs ?? Number.POSITIVE_INFINITY) <= nowEpochMs)
    return 'a new verdict, because a limit of the last one has passed';
  return isKnowledge(effectiveScanState(scan, nowEpochMs, policy.staleScanHours)) ? undefined : 'a new scan';
}

/** The content of the image decides it, so no later scan can be better. */
const isForGood = (reason: Reason): boolean =>
  reason.kind === 'scan' && reason.scanReason !== undefined && SCAN_REASONS[reason.scanReason]?.about === 'content';
