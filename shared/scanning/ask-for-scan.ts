import { BUILT_IN_RULES } from '../domain/policy/built-in-rules.ts';
import type { ScanState } from '../domain/scan/scan.ts';
import { keepsResult, stateAfterRequest } from '../domain/scan/scan-state.ts';
import type { ImageRecord } from '../domain/verdict/image-record.ts';
import type { Verdict } from '../domain/verdict/verdict.ts';
import type { Clock } from '../ports/clock.ts';
import type { ImageLedger, ScanClaim } from '../ports/ledger.ts';
import { type Answer, type AskWorld, askAnywhere } from './ask.ts';

export interface AskForScanPorts extends AskWorld {
  readonly images: Pick<ImageLedger, 'claimScan' | 'markUnread' | 'changeJudgement'>;
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
 * A refusal is written at once, and with it an image that passed does not pass any more. What violates goes on to. So does a
 * result that the refusal says nothing of (`keepsResult`): it counts until it is stale, and evaluation judges it anew, with its
 * findings. A newer result, and a verdict, that came in meanwhile stay.
 */
export async function recordRefusal(
  { images, clock }: Pick<AskForScanPorts, 'images' | 'clock'>,
  { digest }: Pick<ImageRecord, 'digest'>,
  scan: ScanState,
  policyVersion: string,
): Promise<void> {
  const isKept = keepsResult(scan.reason) && scan.completedAtEpochMs !== undefined;
  const judgedAtEpochMs = clock();
  await images.changeJudgement(digest, ({ verdict }) => {
    const keeps = verdict && (verdict.status === 'violating' || isKept);
    return { digest, scan, verdict: keeps ? verdict : unknown(scan, policyVersion), judgedAtEpochMs };
  });
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
