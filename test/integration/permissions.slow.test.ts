import { isDeepStrictEqual } from 'node:util';
import { IAMClient } from '@aws-sdk/client-iam';
import { beforeAll } from '@jest/globals';
import { loadFleet } from '../../local/fleet/load.ts';
import type { Fleet, FleetPolicyDocument } from '../../local/fleet/schema.ts';
import type { Digest } from '../../shared/domain/image/image.ts';
import { Grants, nameOf } from '../support/grants.ts';
import { useInstallation } from '../support/installation.ts';
import { hubOf } from '../support/readings.ts';
import { Scenario, waitBriefly } from '../support/scenario.ts';

/** For one role: some twenty grants, and nine steps without each of them. */
const LIMIT_MS = 1_800_000;

/** Done by the Lambda service itself in the embedded cloud, not under the role. */
const NOT_ENFORCED: readonly string[] = ['WriteLogs logs:CreateLogStream', 'WriteLogs logs:PutLogEvents'];

/**
 * Asked for only in registries with enhanced scanning, and the one of the small fleet is in another account: the probe
 * ecr_enhanced_permissions leaves out each of them.
 */
const OF_ENHANCED_REGISTRIES = 'ReadEnhancedScans';

/** Whether the steps meet these is chance, or they belong to something that the steps leave out. */
const SHOWN_OTHERWISE: readonly string[] = [
  // Used for an image that is read at a time when no other one is.
  'scan-trigger UseLedger dynamodb:GetItem',
  // Of heads that move: queue-permissions.slow.test.ts.
  ...['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'].map((one) => `lineage TakeMessages ${one}`),
  ...['SetAside', 'AskForJudgement'].map((sid) => `lineage ${sid} sqs:SendMessage`),
  // Of `patchwave doctor`: doctor.slow.test.ts.
  ...['ecr:GetRegistryScanningConfiguration', 'ecr:ListPullTimeUpdateExclusions'].map(
    (one) => `read KnowHowRegistriesScan ${one}`,
  ),
  'read ReadOwnRoles iam:GetRole',
  ...['DescribeServiceDeployments', 'ListServiceDeployments'].map((one) => `read ReadServices ecs:${one}`),
  // Each service of the small fleet has tasks, so none may start its first: ecs-workloads.test.ts.
  'read ListClustersAndTasks ecs:ListServices',
  'read ReadServices ecs:DescribeServices',
  'read ReadTaskDefinitions ecs:DescribeTaskDefinition',
  // Nothing else starts tasks in the small fleet: starts.cloud.test.ts.
  ...['events:ListEventBuses', 'events:ListRuleNamesByTarget', 'scheduler:ListSchedules'].map(
    (one) => `read ListRulesAndSchedules ${one}`,
  ),
  ...['events:ListTargetsByRule', 'scheduler:GetSchedule'].map((one) => `read ReadRulesAndSchedules ${one}`),
  // The small fleet has no EKS cluster: eks.slow.test.ts.
  'read FindEksClusters eks:DescribeCluster',
  'read TestForwarding events:PutEvents',
];

/** The small fleet, with a base whose repositories are named by a pattern: listing them takes a permission of its own. */
async function fleetWithPattern(): Promise<Fleet> {
  const fleet = await loadFleet('local/fleet/small.json');
  const policy: FleetPolicyDocument = fleet.policy;
  const streams = (policy.streams as { id: string; repositories: string[] }[]).map((rule) =>
    rule.id === 'base-debian' ? { ...rule, repositories: ['base/deb*'] } : rule,
  );
  return { ...fleet, policy: { ...policy, streams } };
}

/** Without it what failed is delivered again too, only later. */
const ONLY_SOONER: readonly string[] = ['TakeMessages', 'TakeScanEvents'].map(
  (sid) => `${sid} sqs:ChangeMessageVisibility`,
);

describe('without any single permission', () => {
  const installation = useInstallation(fleetWithPattern);

  async function scenario(): Promise<Scenario> {
    const { fleet, seeded } = installation();
    const image = fleet.images.find(({ name }) => name === 'storefront');
    const digest = seeded.images.get('storefront')?.children.get('linux/amd64') as Digest | undefined;
    if (!image || !digest) throw new Error('the fleet has no image storefront');
    const { account, region, repository } = image;
    const flaw = { id: 'CVE-2026-39999', package: 'bash', severity: 'LOW' as const };
    const known = fleet.vulnerabilities.map(({ id, package: name, severity, fixedIn }) => ({
      id,
      package: name,
      severity,
      ...(fixedIn !== undefined && { fixedIn }),
    }));
    return new Scenario(installation(), known, { image: { account, region, repository, digest }, flaw });
  }

  /** The number of the first step that came out otherwise than it should; absent where none did. */
  async function firstDifference(expected: readonly unknown[]): Promise<number | undefined> {
    let number = 0;
    for await (const outcome of (await scenario()).steps()) {
      if (!isDeepStrictEqual(outcome, expected[number])) return number;
      number += 1;
    }
    return undefined;
  }

  let expected: readonly unknown[];
  let hub: Grants;

  beforeAll(async () => {
    await waitBriefly(installation().cloud);
    hub = new Grants(new IAMClient(hubOf(installation())));
    // The first time scans are asked for; from then on they are there.
    await Array.fromAsync((await scenario()).steps());
    expected = await Array.fromAsync((await scenario()).steps());
    expect(await firstDifference(expected)).toBeUndefined();
  }, LIMIT_MS);

  const ROLES = ['InventoryRole', 'LineageRole', 'ScanTriggerRole', 'PolicyEvaluationRole', 'PatchwaveRead'];
  test.each(ROLES)(
    'without %s something visible fails',
    async (name) => {
      const isMember = name === 'PatchwaveRead';
      const unnoticed: string[] = [];
      // The hub's own account is read by the role of every member too, and has what others have not: base images.
      for (const grant of await hub.of(isMember ? name : await hub.role(`patchwave-${name}`))) {
        const isLeftOut = isMember
          ? nameOf(grant).startsWith(OF_ENHANCED_REGISTRIES)
          : [...NOT_ENFORCED, ...ONLY_SOONER].includes(nameOf(grant));
        if (isLeftOut) continue;
        const step = await hub.without(grant, () => firstDifference(expected));
        const grantText = `${grant.PolicyName} ${nameOf(grant)}`;
        if (step === undefined && !SHOWN_OTHERWISE.includes(grantText)) unnoticed.push(grantText);
      }
      expect(unnoticed).toEqual([]);
      expect(await firstDifference(expected)).toBeUndefined();
    },
    LIMIT_MS,
  );
});
