import type { ImageRecord } from '../domain/records.ts';
import type { ScanState } from '../domain/scan.ts';
import { stateAfterRequest } from '../domain/scan-state.ts';
import { BUILT_IN_RULES, type Verdict } from '../domain/verdict.ts';
import type { Clock } from '../ports/clock.ts';
import type { ImageLedger, ScanClaim } from '../ports/ledger.ts';
import { type Answer, type AskWorld, askAnywhere } from './ask.ts';

export interface AskForScanPorts extends AskWorld {
  readonly images: Pick<ImageLedger, 'claimScan' | 'markUnread' | 'recordJudgement'>;
  readonly clock: Clock;
}

/**
 * Claims the right to ask for a scan of an image, asks, and writes down what no event will tell: a refusal, and a result
 * of before that nobody has read. `undefined` where somebody else asked since the claim's `notSinceEpochMs`.
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
  // No event will tell of it: who waits for scans must not wait for this one.
  if (answer.outcome === 'scanned') await ports.images.markUnread(image.digest);
  return answer;
}

/**
 * A refusal stands in the ledger at once, and with it an image that passed does not pass any more. What violates goes on
 * to, and a result that is only not renewed today still counts: evaluation judges both anew, with their findings. A
 * newer result that an event brought meanwhile stays.
 */
export async function recordRefusal(
  { images, clock }: Pick<AskForScanPorts, 'images' | 'clock'>,
  { digest, verdict }: ImageRecord,
  scan: ScanState,
  policyVersion: string,
): Promise<void> {
  const keepsResult = scan.reason === 'quota-or-scanned' && scan.completedAtEpochMs !== undefined;
  const keeps = verdict && (verdict.status === 'violating' || keepsResult);
  const judged = keeps ? verdict : unknown(scan, policyVersion);
  await images.recordJudgement({ digest, scan, verdict: judged, judgedAtEpochMs: clock() });
}

const unknown = ({ state, reason }: ScanState, policyVersion: string): Verdict => ({
  status: 'unknown',
  reasons: [
    {
      ruleId: BUILT_IN_RULES.scanRequired,
      effect: 'unknown',
      kind: 'scan',
      state,
      ...(reason && { scanReason: reason }),
    },
  ],
  policyVersion,
});
