import assert from 'node:assert/strict';
import {
  CreateServiceCommand,
  type CreateServiceCommandInput,
  DeleteServiceCommand,
  DescribeServicesCommand,
  UpdateServiceCommand,
} from '@aws-sdk/client-ecs';
import { eventually, type ProbeCloud } from '../probe.ts';
import { makeCluster, type ProbeCluster } from '../probe-ecs.ts';
import { type EventWatch, receiveEvent, watchEvents } from '../probe-watch.ts';

const RUN = { launchType: 'FARGATE', desiredCount: 2 } as const;

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const made = await makeCluster(cloud, 'public.ecr.aws/docker/library/busybox:1');
  const events = await watchEvents(cloud, { source: ['aws.ecs'], 'detail-type': ['ECS Deployment State Change'] });
  await missing(made);
  await completes(cloud, made, events);
  await rollsBack(cloud, made, events);
  await failsWithoutRollback(cloud, made, events);
  await neverCompletes(cloud, made);
  await otherControllers(made);
}

async function create({ ecs, cluster, family }: ProbeCluster, settings: Partial<CreateServiceCommandInput>) {
  await ecs.send(
    new CreateServiceCommand({ cluster, taskDefinition: family, serviceName: 'web', ...RUN, ...settings }),
  );
}

async function describe({ ecs, cluster }: ProbeCluster, service: string) {
  const { services: [found] = [] } = await ecs.send(new DescribeServicesCommand({ cluster, services: [service] }));
  return found;
}

/** Starts a deployment and gives its id. */
async function deploy({ ecs, cluster }: ProbeCluster, service: string): Promise<string> {
  const { service: updated } = await ecs.send(new UpdateServiceCommand({ cluster, service, forceNewDeployment: true }));
  const primary = updated?.deployments?.find(({ status }) => status === 'PRIMARY');
  assert.equal(primary?.rolloutState, 'IN_PROGRESS');
  assert.equal(primary?.rolloutStateReason, `ECS deployment ${primary?.id} in progress.`);
  assert.ok(Math.abs(Date.now() - (primary?.createdAt?.getTime() ?? 0)) < 60_000);
  return primary?.id ?? '';
}

const deploymentEvent = async (events: EventWatch) => {
  const { resources, detail } = await receiveEvent(events);
  return {
    service: resources[0]?.split('/').at(-1),
    name: detail.eventName,
    id: detail.deploymentId,
    reason: detail.reason,
  };
};

async function missing({ ecs, cluster }: ProbeCluster): Promise<void> {
  const { failures } = await ecs.send(new DescribeServicesCommand({ cluster, services: ['nobody'] }));
  assert.equal(failures?.[0]?.reason, 'MISSING');
}

async function completes(cloud: ProbeCloud, made: ProbeCluster, events: EventWatch): Promise<void> {
  // Long enough to be looked at, however busy the machine is.
  await cloud.admin.setDeploymentTime(3_000);
  await create(made, { serviceName: 'steady' });
  const id = await deploy(made, 'steady');
  const during = await describe(made, 'steady');
  assert.deepEqual(
    during?.deployments?.map(({ status, rolloutState }) => [status, rolloutState]),
    [
      ['PRIMARY', 'IN_PROGRESS'],
      ['ACTIVE', 'COMPLETED'],
    ],
  );
  assert.equal(during?.runningCount, 4);
  const after = await eventually(async () => {
    const found = await describe(made, 'steady');
    return found?.deployments?.length === 1 && found.runningCount === 2 ? found : undefined;
  }, 'the end of the deployment');
  assert.equal(after.deployments?.[0]?.rolloutState, 'COMPLETED');
  assert.equal(after.deployments?.[0]?.rolloutStateReason, `ECS deployment ${id} completed.`);
  const started = { service: 'steady', name: 'SERVICE_DEPLOYMENT_IN_PROGRESS', id };
  assert.deepEqual(await deploymentEvent(events), { ...started, reason: `ECS deployment ${id} in progress.` });
  const ended = { service: 'steady', name: 'SERVICE_DEPLOYMENT_COMPLETED', id };
  assert.deepEqual(await deploymentEvent(events), { ...ended, reason: `ECS deployment ${id} completed.` });
  await cloud.admin.setDeploymentTime(50);
}

async function rollsBack(cloud: ProbeCloud, made: ProbeCluster, events: EventWatch): Promise<void> {
  const breaker = { enable: true, rollback: true };
  await create(made, { serviceName: 'guarded', deploymentConfiguration: { deploymentCircuitBreaker: breaker } });
  const first = (await describe(made, 'guarded'))?.deployments?.[0]?.id;
  await failNewTasks(cloud, made, 'guarded', true);
  const id = await deploy(made, 'guarded');
  await deploymentEvent(events);
  const failed = await deploymentEvent(events);
  assert.deepEqual([failed.name, failed.id], ['SERVICE_DEPLOYMENT_FAILED', id]);
  const back = await deploymentEvent(events);
  assert.deepEqual([back.name, back.id], ['SERVICE_DEPLOYMENT_IN_PROGRESS', first]);
  assert.match(String(back.reason), /circuit breaker: rolling back to deploymentId/);
  assert.deepEqual([(await deploymentEvent(events)).name], ['SERVICE_DEPLOYMENT_COMPLETED']);
  const service = await describe(made, 'guarded');
  const primary = service?.deployments?.find(({ status }) => status === 'PRIMARY');
  assert.deepEqual([primary?.id, primary?.rolloutState, service?.runningCount], [first, 'COMPLETED', 2]);
  await failNewTasks(cloud, made, 'guarded', false);
  await deploy(made, 'guarded');
  assert.equal((await deploymentEvent(events)).name, 'SERVICE_DEPLOYMENT_IN_PROGRESS');
  assert.equal((await deploymentEvent(events)).name, 'SERVICE_DEPLOYMENT_COMPLETED');
}

async function failsWithoutRollback(cloud: ProbeCloud, made: ProbeCluster, events: EventWatch): Promise<void> {
  const breaker = { enable: true, rollback: false };
  await create(made, { serviceName: 'broken', deploymentConfiguration: { deploymentCircuitBreaker: breaker } });
  await failNewTasks(cloud, made, 'broken', true);
  const id = await deploy(made, 'broken');
  await deploymentEvent(events);
  assert.equal((await deploymentEvent(events)).name, 'SERVICE_DEPLOYMENT_FAILED');
  // The last of the new tasks may still be about to fail.
  const service = await eventually(async () => {
    const found = await describe(made, 'broken');
    return found?.runningCount === 2 ? found : undefined;
  }, 'only the former tasks run');
  const primary = service.deployments?.find(({ status }) => status === 'PRIMARY');
  assert.deepEqual([primary?.id, primary?.rolloutState], [id, 'FAILED']);
}

/** Without a circuit breaker ECS starts the tasks again for ever. */
async function neverCompletes(cloud: ProbeCloud, made: ProbeCluster): Promise<void> {
  await create(made, { serviceName: 'stubborn' });
  await failNewTasks(cloud, made, 'stubborn', true);
  await deploy(made, 'stubborn');
  const primary = await eventually(async () => {
    const found = (await describe(made, 'stubborn'))?.deployments?.find(({ status }) => status === 'PRIMARY');
    return (found?.failedTasks ?? 0) >= 4 ? found : undefined;
  }, 'four failed tasks');
  assert.equal(primary.rolloutState, 'IN_PROGRESS');
}

async function otherControllers(made: ProbeCluster): Promise<void> {
  const { ecs, cluster } = made;
  await create(made, { serviceName: 'blue-green', deploymentController: { type: 'CODE_DEPLOY' } });
  const service = await describe(made, 'blue-green');
  assert.equal(service?.deploymentController?.type, 'CODE_DEPLOY');
  const update = { cluster, service: 'blue-green' };
  const request = new UpdateServiceCommand({ ...update, forceNewDeployment: true });
  await assert.rejects(ecs.send(request), { name: 'InvalidParameterException' });
  await ecs.send(new DeleteServiceCommand({ ...update, force: true }));
  await assert.rejects(ecs.send(new UpdateServiceCommand({ ...update, desiredCount: 1 })), {
    name: 'ServiceNotActiveException',
  });
}

async function failNewTasks(cloud: ProbeCloud, { cluster }: ProbeCluster, service: string, newTasksFail: boolean) {
  const { region, credentials } = cloud.config;
  await cloud.admin.changeService({ account: credentials.accessKeyId, region, cluster, service, newTasksFail });
}
