import { counted } from '../../../shared/domain/common/counted.ts';
import { registryKey } from '../../../shared/domain/image/image.ts';
import type { Scope } from '../../../shared/domain/review/run.ts';
import { broken, type CheckFinding, ok, unknown } from '../finding.ts';
import type { CallbackCounts, MixedPut, PullTimes, StartTimes } from '../installation.ts';

/* Tests undocumented behaviour of AWS in this account: see "What AWS does not document" in docs/operations.md. Each
 * finding is an answer. Patchwave works with either answer if it is `ok`. */

/** @param tried one call from a member account; `undefined` if every member is in the hub's account */
export function checkBusPolicy(
  tried: { readonly from: Scope; readonly put: MixedPut } | undefined,
): readonly CheckFinding[] {
  if (!tried)
    return [
      unknown(
        'hub',
        'Not checked: the bus policy applies to other accounts only, and none is a member.',
        'Run the command again once another account is a member.',
      ),
    ];
  const { from, put } = tried;
  const key = registryKey(from);
  switch (put) {
    case 'whole-call-refused':
      return [ok(key, 'If the bus refuses one event, the whole PutEvents call fails.')];
    case 'entry-refused':
      return [ok(key, 'If the bus refuses one event, it still takes the other events of the call.')];
    case 'both-taken':
      return [
        broken(
          key,
          `The bus took an event from ${key} whose source its policy does not list.`,
          'Deploy template.yaml again: it sets the policy of the bus.',
        ),
      ];
    case 'both-refused':
      return [
        broken(
          key,
          `The bus refused an event from ${key} whose source its policy lists.`,
          'Deploy template.yaml in the hub and member-account.yaml there. Check that no service control policy denies events:PutEvents.',
        ),
      ];
  }
}

/** How steps that wait in children of a distributed map ended. */
export function checkTaskTokens({ answered, lapsed }: CallbackCounts): readonly CheckFinding[] {
  if (answered > 0)
    return [
      ok('cascades', `Task tokens of map children are accepted: ${counted(answered, 'waiting step')} got an answer.`),
    ];
  if (lapsed === 0)
    return [
      unknown(
        'cascades',
        'Not checked: no step of the last cascades has received the end of its build.',
        'Run the command again after the next rebuild.',
      ),
    ];
  return [
    broken(
      'cascades',
      `No task token of a map child was accepted: ${counted(lapsed, 'waiting step')} timed out without an answer.`,
      'Patchwave polls builds meanwhile. Search the logs of build-result and rebuild-dispatch for AccessDenied at states:SendTaskSuccess, and open an issue of Patchwave with it.',
    ),
  ];
}

/** The review is matched by its execution's start time, which the end event repeats. */
export function checkStartTime(description: StartTimes | undefined): readonly CheckFinding[] {
  if (!description)
    return [unknown('review', 'Not checked: no review has ended yet.', 'Run a review: patchwave review.')];
  const { recordedEpochMs, startEpochMs, executionArn } = description;
  const differsMs = Math.abs(recordedEpochMs - startEpochMs);
  if (differsMs === 0) return [ok(executionArn, '$$.Execution.StartTime equals the startDate of the execution.')];
  return [
    broken(
      executionArn,
      `$$.Execution.StartTime and the startDate of the execution differ by ${differsMs} ms, so Patchwave cannot tell to which review an aborted execution belongs.`,
      'Open an issue of Patchwave. Until it is fixed, the lease of such a review expires only after 390 minutes.',
    ),
  ];
}

/**
 * Whether reading a manifest moved the pull time of an image. ECR records a pull time at most once in 24 hours.
 * https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-time-update-exclusions.html
 */
export function checkPullTimes(description: PullTimes | undefined): readonly CheckFinding[] {
  if (!description)
    return [
      unknown(
        'registries',
        'Not checked: the first ten repositories of each registry have no image.',
        'Push an image to one of these repositories, then run the command again.',
      ),
    ];
  const { image, beforeEpochMs, afterEpochMs, isExcluded } = description;
  const deploy =
    'Deploy member-account.yaml in the account and Region of the registry: its resource ReadsAreNoPulls makes ECR ignore reads by the read role.';
  if (beforeEpochMs !== afterEpochMs)
    return [broken(image, `Reading the manifest of ${image} moved its pull time.`, deploy)];
  if (!isExcluded)
    return [broken(image, `The registry of ${image} does not exclude the read role from pull times.`, deploy)];
  return [
    ok(
      image,
      `Reading the manifest of ${image} did not move its pull time; its registry excludes the read role. ECR records a pull time at most once in 24 hours.`,
    ),
  ];
}
