import assert from 'node:assert/strict';
import {
  ContinueServiceDeploymentCommand,
  CreateServiceCommand,
  type DeploymentConfiguration,
  DescribeServiceDeploymentsCommand,
  DescribeServicesCommand,
  ListServiceDeploymentsCommand,
  ListTasksCommand,
  type ServiceDeployment,
  UpdateServiceCommand,
} from '@aws-sdk/client-ecs';
import { eventually, type ProbeCloud } from '../probe.ts';
import { makeCluster, type ProbeCluster } from '../probe-ecs.ts';
import { receiveEvent, watchEvents } from '../probe-watch.ts';

const STRATEGIES = ['ROLLING', 'BLUE_GREEN', 'CANARY'] as const;
type Strategy = (typeof STRATEGIES)[number];

const configuration = (strategy: Strategy, action: 'CONTINUE' | 'ROLLBACK' = 'ROLLBACK'): DeploymentConfiguration => ({
  strategy,
  lifecycleHooks: [
    {
      ...{ targetType: 'PAUSE', lifecycleStages: ['PRE_SCALE_UP'] },
      timeoutConfiguration: { timeoutInMinutes: 60, action },
    },
  ],
});

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const made = await makeCluster(cloud, 'public.ecr.aws/docker/library/busybox:1');
  const events = await watchEvents(cloud, { source: ['aws.ecs'], 'detail-type': ['ECS Hook State Change'] });
  for (const strategy of STRATEGIES) await continuesAndGoesBack(made, strategy);
  const { detail } = await receiveEvent(events);
  assert.equal(detail.eventName, 'HOOK_AWAITING_ACTION');
  assert.equal(detail.lifecycleStage, 'PRE_SCALE_UP');
  assert.equal(detail.hookType, 'PAUSE');
  assert.match(String(detail.expiresAt), /^\d{4}-\d\d-\d\dT/);
  assert.match(String(detail.serviceDeploymentArn), /:service-deployment\//);
  await timesOut(cloud, made);
}

async function continuesAndGoesBack(made: ProbeCluster, strategy: Strategy): Promise<void> {
  const { ecs, cluster, family } = made;
  const service = `paused-${strategy.toLowerCase().replace('_', '-')}`;
  await ecs.send(
    new CreateServiceCommand({
      ...{ cluster, taskDefinition: family, serviceName: service, desiredCount: 1, launchType: 'FARGATE' },
      deploymentConfiguration: configuration(strategy),
    }),
  );
  const first = await waiting(made, service);
  assert.deepEqual(await tasksOf(made, service), []);
  await answer(made, first, 'CONTINUE');
  const [blue] = await eventually(
    async () => ((await tasksOf(made, service)).length === 1 ? tasksOf(made, service) : undefined),
    `a task of ${service} after its hook was continued`,
  );
  await eventually(
    async () => ((await newestOf(made, service))?.status === 'SUCCESSFUL' ? true : undefined),
    `the end of the first deployment of ${service}`,
  );
  await assert.rejects(answer(made, first, 'ROLLBACK'), { name: 'InvalidParameterException' });

  await ecs.send(new UpdateServiceCommand({ cluster, service, forceNewDeployment: true }));
  await answer(made, await waiting(made, service), 'ROLLBACK');
  await wasTakenBack(made, service);
  assert.deepEqual(await tasksOf(made, service), [blue]);
}

/** A hook that nobody answers does what it says, by the clock of the cloud. */
async function timesOut(cloud: ProbeCloud, made: ProbeCluster): Promise<void> {
  const { ecs, cluster } = made;
  const service = 'paused-rolling';
  const change = { cluster, service, forceNewDeployment: true };
  const before = await tasksOf(made, service);
  await ecs.send(new UpdateServiceCommand({ ...change, deploymentConfiguration: configuration('ROLLING') }));
  await waiting(made, service);
  await cloud.admin.setClockForward(3_601);
  await wasTakenBack(made, service);
  assert.deepEqual(await tasksOf(made, service), before);

  await ecs.send(
    new UpdateServiceCommand({ ...change, deploymentConfiguration: configuration('ROLLING', 'CONTINUE') }),
  );
  await waiting(made, service);
  await cloud.admin.setClockForward(3_601);
  await eventually(
    async () => ((await newestOf(made, service))?.status === 'SUCCESSFUL' ? true : undefined),
    'the end of a deployment whose hook continues by itself',
  );
}

/** The deployment that the service says is under way, once it waits. */
async function waiting(made: ProbeCluster, service: string): Promise<ServiceDeployment> {
  const { ecs, cluster } = made;
  return eventually(async () => {
    const { services: [one] = [] } = await ecs.send(new DescribeServicesCommand({ cluster, services: [service] }));
    if (one?.currentServiceDeployment === undefined) return undefined;
    const { serviceDeployments: [deployment] = [] } = await ecs.send(
      new DescribeServiceDeploymentsCommand({ serviceDeploymentArns: [one.currentServiceDeployment] }),
    );
    const [hook] = deployment?.lifecycleHookDetails ?? [];
    return hook?.status === 'AWAITING_ACTION' && deployment?.lifecycleStage === 'PRE_SCALE_UP' ? deployment : undefined;
  }, `a deployment of ${service} that waits`);
}

async function answer({ ecs }: ProbeCluster, deployment: ServiceDeployment, action: 'CONTINUE' | 'ROLLBACK') {
  const { serviceDeploymentArn, lifecycleHookDetails: [hook] = [] } = deployment;
  await ecs.send(new ContinueServiceDeploymentCommand({ serviceDeploymentArn, hookId: hook?.hookId, action }));
}

async function wasTakenBack(made: ProbeCluster, service: string): Promise<void> {
  await eventually(
    async () => ((await newestOf(made, service))?.status === 'ROLLBACK_SUCCESSFUL' ? true : undefined),
    `the way back of ${service}`,
  );
}

async function newestOf({ ecs, cluster }: ProbeCluster, service: string) {
  const { serviceDeployments: [newest] = [] } = await ecs.send(new ListServiceDeploymentsCommand({ cluster, service }));
  return newest;
}

async function tasksOf({ ecs, cluster }: ProbeCluster, serviceName: string): Promise<readonly string[]> {
  const { taskArns = [] } = await ecs.send(new ListTasksCommand({ cluster, serviceName }));
  return taskArns;
}
