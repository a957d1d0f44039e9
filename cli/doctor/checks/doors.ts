import { isEnrolled } from '../../../shared/domain/admission/enrolled-clusters.ts';
import { counted } from '../../../shared/domain/common/counted.ts';
import { instant } from '../../../shared/domain/common/time.ts';
import { startsText } from '../../../shared/domain/image/possible-starts.ts';
import type { Cluster } from '../../../shared/domain/image/usage.ts';
import { doorPlaceText } from '../../../shared/domain/policy/doors.ts';
import { keyOfScope } from '../../../shared/domain/review/run.ts';
import { broken, type CheckFinding, orOk, unknown } from '../finding.ts';
import type {
  DoorStackDescription,
  DoorsDescription,
  DoorTemplate,
  ScopeDescription,
  SilentCluster,
  StackDescription,
} from '../installation.ts';
import { unread } from '../reading.ts';
import { checkAlarms } from './alarms.ts';
import { beforeUpdate, isComplete } from './stack.ts';

/** Checks the stacks of doors, and that there is one wherever the policy denies. */
export function checkDoorStacks(
  { stacks, denyingEks, denyingEcs, sharedSecret, silent, neverAsked }: DoorsDescription,
  hub: StackDescription,
): readonly CheckFinding[] {
  const found = [...stacks.values()].flatMap((one) => (one.isRead ? one.value : []));
  // A Region that could not be read has a finding of its own.
  const isMissing = (template: DoorTemplate, region: string): boolean => {
    const there = stacks.get(region);
    return there?.isRead === true && there.value.every((stack) => stack.template !== template);
  };
  const lists = found.flatMap(({ clusters = [] }) => clusters);
  const asking = denyingEks.filter((cluster) => !isEnrolled(lists, cluster));
  const regions = [...new Set(asking.map(({ region }) => region))];
  const problems = [
    ...[...stacks].flatMap(([region, one]) => (one.isRead ? [] : [unread(`stacks in ${region}`, one)])),
    ...regions
      .filter((region) => isMissing('doors.yaml', region))
      .map((region) => noWebhook(region, asking.filter((cluster) => cluster.region === region).length)),
    ...(denyingEcs.length > 0 && isMissing('ecs-door.yaml', hub.region) ? [noEcsDoor(denyingEcs.length)] : []),
    ...found.flatMap((stack) => stackProblems(stack, hub)),
    ...sharedSecret.map(bySharedSecret),
    // A cluster that gets lists needs no webhook any more.
    ...silent.filter(({ cluster }) => !isEnrolled(lists, cluster)).map(silentWebhook),
    ...neverAsked
      .filter((cluster) => !isEnrolled(lists, cluster) && hasWebhook(found, cluster.region))
      .map(unaskedWebhook),
    ...quotaProblems(found),
  ];
  const sound = `${counted(found.length, 'stack')} of doors checked: of the version of the hub, and no alarm goes off.${quotaText(found)}`;
  return orOk(problems, 'doors', found.length > 0 ? sound : 'No door is installed, and the policy needs none.');
}

/** From this part of the quota on, a rollout or a review may take the rest. */
const NEAR = 0.8;

/** The webhook answers by AWS Lambda, whose quota all functions of the account share in a Region. */
function quotaProblems(stacks: readonly DoorStackDescription[]): readonly CheckFinding[] {
  return [...webhooksByRegion(stacks)].flatMap(([region, { concurrency }]) => {
    if (!concurrency) return [];
    if (!concurrency.isRead) return [unread(region, concurrency)];
    const { quota, peak = 0 } = concurrency.value;
    if (peak < quota * NEAR) return [];
    const problem = `AWS Lambda ran ${peak} executions at once in ${region} within the last day, and the quota of the account is ${quota}. At the quota the webhook cannot answer, and the failure policy decides whether pods start.`;
    const fix = `Ask for more "Concurrent executions" in Service Quotas of ${region}, and see that ReservedConcurrency of doors.yaml is not 0.`;
    return [broken(region, problem, fix)];
  });
}

const webhooksByRegion = (stacks: readonly DoorStackDescription[]): ReadonlyMap<string, DoorStackDescription> =>
  new Map(stacks.filter(({ concurrency }) => concurrency).map((stack) => [stack.region, stack]));

const quotaText = (stacks: readonly DoorStackDescription[]): string =>
  [...webhooksByRegion(stacks)]
    .flatMap(([region, { concurrency }]) => (concurrency?.isRead ? [{ region, ...concurrency.value }] : []))
    .map(
      ({ region, quota, unreserved, peak = 0 }) =>
        ` AWS Lambda ran at most ${peak} of ${quota} executions at once in ${region} within a day (${unreserved} unreserved).`,
    )
    .join('');

/** Checks that reviews could read what may start in each account, Region and EKS cluster. */
export function checkPossibleStarts(scopes: readonly ScopeDescription[]): readonly CheckFinding[] {
  const read = scopes.filter(({ scope, left }) => scope.eksCluster !== '*' && !left);
  const found = read.flatMap(({ scope, unreadSources = [] }) =>
    unreadSources.map(({ list, problem, nextStep }) =>
      broken(
        keyOfScope(scope),
        `The last review could not read the ${startsText(list)} of ${keyOfScope(scope)}, so some images that may start there are unknown: ${problem}.`,
        nextStep,
      ),
    ),
  );
  return orOk(found, 'possible starts', `Reviews read what may start in ${counted(read.length, 'scope')}.`);
}

const HOW = 'docs/doors.md has the steps. If no door should deny there, change `doors` in the policy.';

const noWebhook = (region: string, clusters: number): CheckFinding =>
  broken(
    region,
    `The policy denies in ${counted(clusters, 'EKS cluster')} of ${region}, but no stack of doors.yaml is there.`,
    `Deploy doors.yaml in ${region}, or have door-publisher.yaml publish lists to them; ${HOW}`,
  );

const bySharedSecret = (cluster: Cluster): CheckFinding =>
  broken(
    doorPlaceText(cluster),
    `The cluster ${doorPlaceText(cluster)} asks the webhook by the secret of version 0.2.0, which opens it for every cluster of the stack.`,
    'Write its webhook.yaml with --key and apply it: docs/doors.md says how. Its break-glass annotations open nothing until then.',
  );

const hasWebhook = (stacks: readonly DoorStackDescription[], where: string): boolean =>
  stacks.some(({ template, region }) => template === 'doors.yaml' && region === where);

const silentWebhook = ({ cluster, lastAskedAtEpochMs, podCreatedAtEpochMs }: SilentCluster): CheckFinding =>
  broken(
    doorPlaceText(cluster),
    `The API server of ${doorPlaceText(cluster)} last asked the webhook at ${instant(lastAskedAtEpochMs)}, and a pod was created there at ${instant(podCreatedAtEpochMs)}. So what the door forbids starts there.`,
    'Apply its webhook.yaml again, and start a pod with --dry-run=server. "A silent webhook" in docs/doors.md has the steps.',
  );

const unaskedWebhook = (cluster: Cluster): CheckFinding =>
  broken(
    doorPlaceText(cluster),
    `The policy denies in ${doorPlaceText(cluster)} and pods run there, but its API server never asked the webhook.`,
    'Write its webhook.yaml and apply it, then start a pod with --dry-run=server: steps 5 and 6 of "Install" in docs/doors.md.',
  );

const noEcsDoor = (places: number): CheckFinding =>
  broken(
    'ecs-door.yaml',
    `The policy denies in ECS clusters (${counted(places, 'account and Region', 'accounts and Regions')}), but no stack of ecs-door.yaml is there.`,
    `Deploy ecs-door.yaml in the Region of the hub; ${HOW}`,
  );

function stackProblems(
  { template, name, region, status, version, alarms }: DoorStackDescription,
  hub: StackDescription,
): readonly CheckFinding[] {
  const { TemplateVersion: ofHub } = hub.outputs;
  const which = `The stack ${name} of ${template} in ${region}`;
  if (status.endsWith('_IN_PROGRESS'))
    return [unknown(name, `${which} is ${status}.`, 'Run the command again when the deployment has ended.')];
  const problems: CheckFinding[] = [];
  if (!isComplete(status))
    problems.push(
      broken(
        name,
        `${which} is ${status}.`,
        `Read the reason with: aws cloudformation describe-stack-events --region ${region} --stack-name ${name}. Correct it${beforeUpdate(status, name)} and deploy again.`,
      ),
    );
  // The check `outputs` reports a hub without a version.
  if (ofHub !== undefined && version !== ofHub)
    problems.push(
      broken(
        name,
        `${which} is of ${version === undefined ? 'an earlier version' : `version ${version}`}, but the hub is of version ${ofHub}.`,
        `Deploy ${template} of version ${ofHub} there: see "Upgrade" in docs/operations.md.`,
      ),
    );
  if (!alarms.isRead) return [...problems, unread(name, alarms)];
  return [
    ...problems,
    ...checkAlarms(alarms.value, template, `Deploy ${name} with AlarmTopicArn=<ARN of an SNS topic>.`).filter(
      ({ state }) => state !== 'ok',
    ),
    ...alarms.value
      .filter(({ isRinging }) => isRinging)
      .map((alarm) =>
        broken(
          alarm.name,
          `The alarm ${alarm.name} of ${template} goes off.`,
          'docs/doors.md says what the alarm means and what to do.',
        ),
      ),
  ];
}
