import { OUTPUTS } from '../../../cli/doctor/checks/stack.ts';
import type { StackDescription } from '../../../cli/doctor/installation.ts';
import { type FakeInstallation, fakeInstallation, VERSION } from '../../support/fakes/doctor.ts';
import { HOUR_MS, NOON_EPOCH_MS, review } from '../../support/samples.ts';
import { policyOf } from '../fleet-review/support.ts';

export const HUB = '111122223333';
export const REGION = 'eu-west-1';

const EXECUTION = `arn:aws:states:${REGION}:${HUB}:execution:patchwave-fleet-review:run-1`;
export const KEY = `arn:aws:kms:${REGION}:${HUB}:key/a-key`;

/** The policy of a key by which the account's policies decide, and the services may use it. */
export const keyPolicy = (services: readonly string[]): string =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${HUB}:root` }, Action: 'kms:*', Resource: '*' },
      {
        Effect: 'Allow',
        Principal: { Service: services.map((service) => `${service}.amazonaws.com`) },
        Action: ['kms:Decrypt*', 'kms:DescribeKey', 'kms:Encrypt*', 'kms:GenerateDataKey*'],
        Resource: '*',
      },
    ],
  });

const stack: StackDescription = {
  name: 'patchwave',
  account: HUB,
  region: REGION,
  status: 'UPDATE_COMPLETE',
  outputs: { ...Object.fromEntries(OUTPUTS.map((name) => [name, `the ${name}`])), TemplateVersion: VERSION },
  parameters: {
    KmsKeyArn: KEY,
    DailyScanQuota: '1000',
    OrganizationId: 'o-a1b2c3d4e5',
    ReadRoleName: 'PatchwaveRead',
    ReadRoleExternalId: 'an-external-id',
    ActBuildRoleName: 'PatchwaveActBuild',
    ActRolloutRoleName: 'PatchwaveActRollout',
    ActProtectRoleName: 'PatchwaveActProtect',
  },
};

/** A role as member-account.yaml makes it for the functions of one path. */
export const roleOf = (path: string, changes: { hub?: string; externalId?: string; version?: string } = {}) => {
  const { hub = HUB, externalId = 'an-external-id', version = VERSION } = changes;
  const trust = {
    Effect: 'Allow',
    Principal: { AWS: `arn:aws:iam::${hub}:root` },
    Action: 'sts:AssumeRole',
    Condition: {
      StringEquals: { 'sts:ExternalId': externalId, 'aws:PrincipalOrgID': 'o-a1b2c3d4e5' },
      ArnLike: { 'aws:PrincipalArn': `arn:aws:iam::${hub}:role/patchwave/${path}/*` },
    },
  };
  return {
    trust: JSON.stringify({ Version: '2012-10-17', Statement: [trust] }),
    tags: { 'patchwave-version': version },
  };
};

export const MEMBER = '444455556666';

const members = {
  PatchwaveRead: roleOf('reader'),
  PatchwaveActBuild: roleOf('builder'),
  PatchwaveActRollout: roleOf('deployer'),
  PatchwaveActProtect: roleOf('protector'),
};

const { streams } = policyOf();
/** Applications are built and deployed, and images in use are kept. */
const policy = policyOf({
  ...{ mode: 'enforce', protection: 'tag' },
  streams: streams.map((rule) => ({
    ...rule,
    ...(rule.id === 'apps'
      ? { repositories: ['apps/web'], pipeline: { name: 'web' }, rollout: 'restart' as const }
      : {}),
  })),
});

/** An installation in which everything works. */
export async function soundInstallation(): Promise<FakeInstallation> {
  const made = fakeInstallation(stack);
  const { hub, fleet, world, clock } = made;
  for (const account of [HUB, MEMBER]) fleet.add(account, members);
  fleet.listed = [HUB, MEMBER];
  for (const [account, region] of [
    [HUB, 'us-east-1'],
    [MEMBER, 'eu-west-1'],
    [MEMBER, 'us-east-1'],
  ] as const)
    await world.scopes.record({ scope: { account, region }, completeAtEpochMs: clock() });
  for (const queue of ['PlanQueue', 'PlanDeadLetters', 'ScanEventQueue', 'ScanEventDeadLetters']) hub.addQueue(queue);
  for (const alarm of ['patchwave-no-review', 'patchwave-review-failed']) hub.addAlarm(alarm);
  for (const rule of ['ScanRule', 'PlanRule', 'DoctorRule']) hub.addRule(rule);
  for (const trigger of ['PolicyEvaluationFunctionScanEvents', 'LedgerEventsFunctionChanges'])
    hub.addMapping(trigger, 'Enabled');
  hub.keyDescription = { state: 'Enabled', policy: keyPolicy(['events', 'scheduler', 'cloudwatch', 'logs.eu-west-1']) };
  await world.policies.publish(policy, {});
  hub.starts.set(EXECUTION, NOON_EPOCH_MS);
  await endReview(made, { endedAtEpochMs: clock() - HOUR_MS });
  return made;
}

export async function endReview(
  { world, clock }: FakeInstallation,
  changes: Parameters<typeof review>[1],
): Promise<void> {
  const inventory = { clusters: 1, tasks: 1, containers: 1, usages: 1, unresolved: 0 };
  const totals = {
    found: 1,
    outcomes: { compliant: 1, violating: 0, unknown: 0, failed: 0 },
    scopes: { complete: 1, skipped: 0, failed: 0 },
    inventory,
    scans: { requested: 12, fresh: 0, later: 0, refused: {} },
  };
  await world.runs.finish(
    review('run-1', { executionArn: EXECUTION, state: 'succeeded', endedAtEpochMs: clock(), totals, ...changes }),
  );
}
