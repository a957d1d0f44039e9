import assert from 'node:assert/strict';
import {
  CreateServiceCommand,
  DescribeServiceDeploymentsCommand,
  DescribeServicesCommand,
  type ECSClient,
  ListServiceDeploymentsCommand,
  UpdateServiceCommand,
} from '@aws-sdk/client-ecs';
import { eventually, type ProbeCloud } from '../probe.ts';
import { makeCluster, type ProbeCluster } from '../probe-ecs.ts';

const RUN = { launchType: 'FARGATE', desiredCount: 1 } as const;

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const made = await makeCluster(cloud, 'public.ecr.aws/docker/library/busybox:1');
  await cloud.admin.setDeploymentTime(2_000);
  await blueGreen(made);
  await replaced(made);
  await cloud.admin.setDeploymentTime(50);
  await rolling(made);
  await pages(made);
  const missing = made.ecs.send(new ListServiceDeploymentsCommand({ cluster: made.cluster, service: 'nobody' }));
  await assert.rejects(missing, { name: 'ServiceNotFoundException' });
}

async function create({ ecs, cluster, family }: ProbeCluster, serviceName: string, strategy?: 'BLUE_GREEN') {
  const deploymentConfiguration = { strategy, bakeTimeInMinutes: 1, minimumHealthyPercent: 100, maximumPercent: 200 };
  const service = { cluster, taskDefinition: family, serviceName, ...RUN };
  await ecs.send(new CreateServiceCommand({ ...service, ...(strategy && { deploymentConfiguration }) }));
}

async function update({ ecs, cluster }: ProbeCluster, service: string): Promise<string> {
  const { service: updated } = await ecs.send(new UpdateServiceCommand({ cluster, service, forceNewDeployment: true }));
  return updated?.deployments?.find(({ status }) => status === 'PRIMARY')?.id ?? '';
}

async function deploymentsOf({ ecs, cluster }: ProbeCluster, service: string) {
  const { services: [found] = [] } = await ecs.send(new DescribeServicesCommand({ cluster, services: [service] }));
  return found?.deployments ?? [];
}

async function readServiceDeployments(ecs: ECSClient, cluster: string, service: string) {
  const { serviceDeployments = [] } = await ecs.send(new ListServiceDeploymentsCommand({ cluster, service }));
  return serviceDeployments.map(({ targetServiceRevisionArn, status }) => ({
    id: `ecs-svc/${targetServiceRevisionArn?.split('/').at(-1)}`,
    status,
  }));
}

/** Of each service deployment, and that one which does not exist is named. */
async function stagesOf({ ecs, cluster }: ProbeCluster, service: string) {
  const { serviceDeployments: briefs = [] } = await ecs.send(new ListServiceDeploymentsCommand({ cluster, service }));
  const arns = briefs.flatMap(({ serviceDeploymentArn }) => serviceDeploymentArn ?? []);
  const unknown = `${arns[0]}x`;
  const { serviceDeployments = [], failures } = await ecs.send(
    new DescribeServiceDeploymentsCommand({ serviceDeploymentArns: [...arns, unknown] }),
  );
  assert.deepEqual(failures, [{ arn: unknown, reason: 'MISSING' }]);
  const described = new Map(serviceDeployments.map((one) => [one.serviceDeploymentArn, one.lifecycleStage]));
  return arns.map((arn) => described.get(arn));
}

/** Both revisions run, and only the service deployment tells that the newer one is not through. */
async function blueGreen(made: ProbeCluster): Promise<void> {
  const { ecs, cluster } = made;
  await create(made, 'blue-green', 'BLUE_GREEN');
  const [blue] = await deploymentsOf(made, 'blue-green');
  const green = await update(made, 'blue-green');
  const during = await deploymentsOf(made, 'blue-green');
  assert.deepEqual(
    during.map(({ id, status, rolloutState }) => [id, status, rolloutState]),
    [
      [green, 'PRIMARY', undefined],
      [blue?.id, 'ACTIVE', undefined],
    ],
  );
  assert.deepEqual(await readServiceDeployments(ecs, cluster, 'blue-green'), [
    { id: green, status: 'IN_PROGRESS' },
    { id: blue?.id, status: 'SUCCESSFUL' },
  ]);
  assert.deepEqual(await stagesOf(made, 'blue-green'), ['BAKE_TIME', 'CLEAN_UP']);
  await eventually(async () => {
    const [newest] = await readServiceDeployments(ecs, cluster, 'blue-green');
    return newest?.status === 'SUCCESSFUL' ? newest : undefined;
  }, 'the end of the deployment');
  const after = await deploymentsOf(made, 'blue-green');
  assert.deepEqual(
    after.map(({ id, rolloutState }) => [id, rolloutState]),
    [[green, undefined]],
  );
  // Kept though its deployment is listed no more.
  assert.equal((await readServiceDeployments(ecs, cluster, 'blue-green')).length, 2);
}

/** A deployment that another one replaces is stopped. */
async function replaced(made: ProbeCluster): Promise<void> {
  await create(made, 'replaced', 'BLUE_GREEN');
  const first = await update(made, 'replaced');
  const second = await update(made, 'replaced');
  const [newest, other] = await readServiceDeployments(made.ecs, made.cluster, 'replaced');
  assert.deepEqual(newest, { id: second, status: 'IN_PROGRESS' });
  assert.deepEqual(other, { id: first, status: 'STOPPED' });
}

async function rolling(made: ProbeCluster): Promise<void> {
  await create(made, 'rolling');
  const [first] = await deploymentsOf(made, 'rolling');
  assert.equal(first?.rolloutState, 'COMPLETED');
  assert.deepEqual(await readServiceDeployments(made.ecs, made.cluster, 'rolling'), [
    { id: first?.id, status: 'SUCCESSFUL' },
  ]);
}

async function pages(made: ProbeCluster): Promise<void> {
  const { ecs, cluster } = made;
  await create(made, 'paged');
  const before = new Date();
  await new Promise((resolve) => setTimeout(resolve, 10));
  await update(made, 'paged');
  await update(made, 'paged');
  const request = { cluster, service: 'paged', createdAt: { after: before }, maxResults: 1 };
  const { serviceDeployments: [newest] = [], nextToken } = await ecs.send(new ListServiceDeploymentsCommand(request));
  assert.ok(nextToken);
  const next = await ecs.send(new ListServiceDeploymentsCommand({ ...request, nextToken }));
  assert.equal(next.serviceDeployments?.length, 1);
  assert.notEqual(next.serviceDeployments?.[0]?.serviceDeploymentArn, newest?.serviceDeploymentArn);
  assert.equal(next.nextToken, undefined);
}
