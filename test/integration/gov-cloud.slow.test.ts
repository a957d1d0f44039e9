import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { DescribeImagesCommand, ECRClient } from '@aws-sdk/client-ecr';
import {
  CreateServiceCommand,
  ECSClient,
  ListServiceDeploymentsCommand,
  ListTasksCommand,
  RegisterTaskDefinitionCommand,
} from '@aws-sdk/client-ecs';
import { untilSettled } from '../../local/acting.ts';
import { hostOf } from '../../local/builds/registry.ts';
import { eventually } from '../../local/cloud/probe.ts';
import { EXTERNAL_ID, packaged } from '../../local/deploy.ts';
import type { Fleet } from '../../local/fleet/schema.ts';
import { createStack } from '../../local/stack.ts';
import { collect } from '../../shared/concurrency.ts';
import { cascadesIn, deploymentsStarted, endOf, heldIn, NOTHING_HELD, PLANNING } from '../support/acting.ts';
import { CLUSTER, HUB, TEAM } from '../support/acting-fleet.ts';
import { useInstallation } from '../support/installation.ts';
import { openCluster } from '../support/kubernetes-fleet.ts';
import { itemsOf } from '../support/readings.ts';
import { apps, bases, platforms, services } from '../support/tiered-cases.ts';
import { tieredFleet } from '../support/tiered-fleet.ts';
import { containersIn } from './oracle/running.ts';

/* The whole loop in a cloud that is AWS GovCloud: its ARNs, its Regions, and no AWS Account Management. */

const LIMIT_MS = 180_000;
const REGION = 'us-gov-west-1';
const ARN = /arn:aws[\w-]*:/g;
const KUBE = 'kube';
const deployment = {
  ...{ ...TEAM, cluster: KUBE, namespace: 'shop', name: 'shop', kind: 'deployment' as const, startedDaysAgo: 2 },
  containers: [{ name: 'app', image: 'shop', tag: 'stable', imagePullPolicy: 'Always' as const }],
};

/** The tiered fleet in Regions of GovCloud, with a door and a Deployment. */
const fleet = (): Fleet => {
  const policy = { scopes: 'organization', doors: { mode: 'deny' } };
  const kubernetes = { kubernetesClusters: [{ ...TEAM, name: KUBE }], kubernetesWorkloads: [deployment] };
  const file = tieredFleet({ bases, platforms, apps, services, policy, ...kubernetes });
  return JSON.parse(JSON.stringify(file).replaceAll(HUB.region, REGION));
};

const installation = useInstallation(fleet, { mode: 'enforce', parameters: PLANNING });
const at = (account: string) => installation().cloud.clients(account, REGION);
const team = { ...TEAM, region: REGION };
const running = async () => {
  await using cluster = await openCluster(installation(), { ...team, cluster: KUBE });
  const containers = await containersIn(installation().cloud.endpoint, team);
  const pods = (await cluster.pods('shop')).map(({ digest }) => digest);
  return { ecs: containers.map(({ container }) => container.imageDigest).sort(), eks: pods };
};

test(
  'a review reads the Regions of GovCloud without asking Account Management',
  async () => {
    const { cloud, context, review } = installation();
    expect(await review()).toMatchObject({ status: 'SUCCEEDED' });
    expect((await cloud.admin.calls()).filter(({ service }) => service === 'account')).toEqual([]);
    const scopes = (await collect(context.scopes.all())).flat();
    expect(new Set(scopes.map(({ scope }) => scope.account))).toEqual(new Set([HUB.account, TEAM.account]));
    expect(new Set(scopes.map(({ scope }) => scope.region))).toEqual(new Set([REGION, 'us-gov-east-1']));
  },
  LIMIT_MS,
);

test(
  'a base at fault is rebuilt, and what is built on it is deployed',
  async () => {
    const before = await running();
    await untilSettled(installation().context, LIMIT_MS);
    const [cascade, ...others] = await cascadesIn(installation());
    expect(others).toEqual([]);
    expect(cascade?.executionArn).toMatch(/^arn:aws-us-gov:states:us-gov-west-1:/);
    expect(cascade && (await endOf(installation(), cascade))).toBe('SUCCEEDED');
    expect(await deploymentsStarted(installation())).toBe(2);
    const after = await running();
    expect(after.ecs).not.toEqual(before.ecs);
    expect(before.eks).toHaveLength(1);
    expect(after.eks).toHaveLength(1);
    expect(after.eks).not.toEqual(before.eks);
  },
  LIMIT_MS,
);

test(
  'the next review closes it',
  async () => {
    const { context, review } = installation();
    expect((await collect(context.rollouts.openClosures())).flat().length).toBeGreaterThan(0);
    expect(await review()).toMatchObject({ status: 'SUCCEEDED' });
    expect(await untilSettled(context, LIMIT_MS)).toMatchObject({ causes: [], cascades: [] });
    expect((await collect(context.rollouts.openClosures())).flat()).toEqual([]);
    expect(await heldIn(installation())).toEqual(NOTHING_HELD);
  },
  LIMIT_MS,
);

test(
  'a gate of ECS starts what was rebuilt, and not what has the flaw',
  async () => {
    const { deployment, fleet: file } = installation();
    const door = await createStack(new CloudFormationClient(at(HUB.account)), {
      name: 'ecs-door',
      template: { url: await packaged(at(HUB.account), 'ecs-door.yaml', 'ecs-door-artifacts') },
      parameters: {
        ...{ HubBusArn: deployment.busArn, LedgerTable: deployment.ledgerTable, ReadRoleExternalId: EXTERNAL_ID },
        ...{ EvidenceBucket: deployment.evidenceBucket, OrganizationId: file.organization?.id ?? '' },
      },
    });
    const gate = await createStack(new CloudFormationClient(at(TEAM.account)), {
      name: 'ecs-gate',
      template: { url: await packaged(at(TEAM.account), 'ecs-gate.yaml', 'ecs-gate-artifacts') },
      parameters: { HubDoorArn: door.FunctionArn ?? '', HubDoorRoleArn: door.CallerRoleArn ?? '' },
    });
    const hook = { hookTargetArn: gate.FunctionArn ?? '', roleArn: gate.HookRoleArn ?? '' };
    expect(await endOfFirst('fixed', 'apps/shop', hook)).toBe('SUCCESSFUL');
    expect(await endOfFirst('flawed', 'apps/idle', hook)).toBe('STOPPED');
    const tasks = async (serviceName: string) =>
      (await new ECSClient(at(TEAM.account)).send(new ListTasksCommand({ cluster: CLUSTER, serviceName }))).taskArns;
    expect(await tasks('fixed')).toHaveLength(1);
    expect(await tasks('flawed')).toEqual([]);
  },
  LIMIT_MS,
);

test('the ledger has no ARN of another partition', async () => {
  const arns = new Set(JSON.stringify(await itemsOf(installation())).match(ARN));
  expect([...arns]).toEqual(['arn:aws-us-gov:']);
});

/** The status of the first deployment of a service that runs the head of a repository behind the gate. */
async function endOfFirst(
  serviceName: string,
  repositoryName: string,
  hook: { readonly hookTargetArn: string; readonly roleArn: string },
): Promise<string> {
  const config = at(TEAM.account);
  const { imageDetails: [image] = [] } = await new ECRClient(config).send(
    new DescribeImagesCommand({ repositoryName, imageIds: [{ imageTag: 'stable' }] }),
  );
  const ecs = new ECSClient(config);
  const { taskDefinition } = await ecs.send(
    new RegisterTaskDefinitionCommand({
      ...{ family: serviceName, requiresCompatibilities: ['FARGATE'], networkMode: 'awsvpc' },
      ...{ cpu: '256', memory: '512' },
      containerDefinitions: [
        { name: 'app', image: `${hostOf(team)}/${repositoryName}@${image?.imageDigest}`, essential: true },
      ],
    }),
  );
  await ecs.send(
    new CreateServiceCommand({
      ...{ cluster: CLUSTER, serviceName, desiredCount: 1, launchType: 'FARGATE' },
      taskDefinition: taskDefinition?.taskDefinitionArn,
      deploymentConfiguration: {
        strategy: 'BLUE_GREEN',
        lifecycleHooks: [{ ...hook, lifecycleStages: ['PRE_SCALE_UP'] }],
      },
    }),
  );
  return eventually(
    async () => {
      const { serviceDeployments: [first] = [] } = await ecs.send(
        new ListServiceDeploymentsCommand({ cluster: CLUSTER, service: serviceName }),
      );
      return first?.status && /SUCCESSFUL|STOPPED|FAILED/.test(first.status) ? first.status : undefined;
    },
    `the end of the deployment of ${serviceName}`,
    60_000,
  );
}
