import type { ScanState } from '../domain/scan/scan.ts';
import { stateAfterRequest } from '../domain/scan/scan-state.ts';
import { verdictAfterRefusal } from '../domain/verdict/evaluate.ts';
import type { ImageRecord } from '../domain/verdict/image-record.ts';
import type { Clock } from '../ports/clock.ts';
import type { ImageLedger, ScanClaim } from '../ports/ledger.ts';
import { type Answer, type AskWorld, askAnywhere } from './ask.ts';

export interface AskForScanPorts extends AskWorld {
  readonly images: Pick<ImageLedger, 'claimScan' | 'markUnread' | 'changeJudgement'>;
  readonly clock: Clock;
}

/**
 * Claims the right to request a scan of an image, requests it, and records results without an event: a refusal, or an
 * existing unread result. `undefined` if somebody else requested one since the claim's `notSinceEpochMs`.
 */
export async function askForScan(
  ports: AskForScanPorts,
  image: ImageRecord,
  claim: ScanClaim,
  policyVersion: string,
): Promise<Answer | undefined> {
  if (!(await ports.images.claimScan(image.digest, claim))) return undefined;
  const answer = await askAnywhere(ports, image);
  if (answer.outcome === 'refused')
    await recordRefusal(ports, image, stateAfterRequest(image.scan, answer, claim.atEpochMs), policyVersion);
  // No event will come, so callers must not wait for this one.
  if (answer.outcome === 'scanned') await ports.images.markUnread(image.digest);
  return answer;
}

/**
 * A refusal is recorded at once, so that a compliant image no longer passes; violations stay. A result that the refusal
 * does not invalidate stays too: it is valid until it is stale, and the evaluation judges it with its findings. Newer
 * results and verdicts stay.
 */
export async function recordRefusal(
  { images, clock }: Pick<AskForScanPorts, 'images' | 'clock'>,
  { digest }: Pick<ImageRecord, 'digest'>,
  scan: ScanState,
  policyVersion: string,
): Promise<void> {
  const judgedAtEpochMs = clock();
  await images.changeJudgement(digest, (known) => {
    const verdict = verdictAfterRefusal(known, scan, policyVersion);
    return { digest, scan, verdict, judgedAtEpochMs };
  });
}
