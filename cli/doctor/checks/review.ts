import { counted } from '../../../shared/domain/common/counted.ts';
import { HOUR_MS, instant } from '../../../shared/domain/common/time.ts';
import { INSTEAD, sharedText } from '../../../shared/domain/policy/aws-managed.ts';
import type { ReviewRecord } from '../../../shared/domain/review/run.ts';
import { broken, type CheckFinding, ok } from '../finding.ts';
import type { PolicyDescription } from '../installation.ts';

/** The same period as NoReviewAlarm. */
const REVIEW_HOURS = 26;

export function checkPolicyInForce(policy: PolicyDescription): readonly CheckFinding[] {
  if (!policy)
    return [
      broken('policy', 'No policy is in force.', 'Apply one: patchwave policy apply FILE, then patchwave review.'),
    ];
  const { version, problem, sharedReferences = [] } = policy;
  if (problem === undefined && sharedReferences.length > 0)
    return sharedReferences.map((pattern) =>
      broken(
        'policy',
        `Policy ${version.slice(0, 12)} is in force, and its awsManaged.references exempts nothing at a door here: ${sharedText(pattern)}`,
        `${INSTEAD}. Then apply the policy: patchwave policy apply FILE.`,
      ),
    );
  if (problem === undefined) return [ok('policy', `Policy ${version.slice(0, 12)} is in force and can be read.`)];
  return [
    broken(
      'policy',
      `Policy ${version.slice(0, 12)} is in force and cannot be read: ${problem}`,
      'Apply the policy again: patchwave policy apply FILE. See "A policy that cannot be read" in docs/operations.md.',
    ),
  ];
}

/** Checks that the last complete review succeeded recently. */
export function checkReview(review: ReviewRecord | undefined, nowEpochMs: number): readonly CheckFinding[] {
  if (!review)
    return [broken('review', 'No review has ended yet.', 'Wait for the daily review, or start one: patchwave review.')];
  const { runId, state, failure, endedAtEpochMs = review.startedAtEpochMs } = review;
  const at = instant(endedAtEpochMs);
  if (state === 'failed')
    return [
      broken(
        runId,
        `The last review failed at ${at}: ${failure ? `${failure.error}: ${failure.detail}` : 'no reason was recorded'}`,
        'Correct what the reason names, then start a review: patchwave review. See ReviewFailedAlarm in docs/operations.md.',
      ),
    ];
  if (nowEpochMs - endedAtEpochMs > REVIEW_HOURS * HOUR_MS)
    return [
      broken(
        runId,
        `The last review succeeded at ${at}, more than ${REVIEW_HOURS} hours ago.`,
        'Start one: patchwave review. To find out why none started by itself, see NoReviewAlarm in docs/operations.md.',
      ),
    ];
  return [ok(runId, `The last review succeeded at ${at}.`)];
}

/**
 * Checks the remaining daily scans. ECR has no counter, so the requests and refusals of the last review are used.
 * https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html
 * @param dailyQuota scans that one registry allows in 24 hours
 */
export function checkScanQuota(review: ReviewRecord | undefined, dailyQuota: number): readonly CheckFinding[] {
  const scans = review?.totals?.scans;
  if (!scans) return [ok('scans', `No review has requested scans yet; each registry allows ${dailyQuota} a day.`)];
  const refused = scans.refused['quota-or-scanned'] ?? 0;
  if (refused > 0)
    return [
      broken(
        'scans',
        `In the last review ${counted(refused, 'image was', 'images were')} not scanned, because the daily quota of scans was used up.`,
        'Stop other tools from scanning the registries whose quota is used up, or use enhanced scanning there. See "Quotas" in docs/operations.md.',
      ),
    ];
  const left = Math.max(0, dailyQuota - scans.requested);
  return [
    ok(
      'scans',
      `The last review requested ${counted(scans.requested, 'scan')}; each registry had at least ${left} left that day.`,
    ),
  ];
}
