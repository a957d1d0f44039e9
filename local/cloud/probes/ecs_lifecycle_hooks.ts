import assert from 'node:assert/strict';
import {
  CreateServiceCommand,
  ListServiceDeploymentsCommand,
  ListTasksCommand,
  type ServiceDeploymentBrief,
  UpdateServiceCommand,
} from '@aws-sdk/client-ecs';
import { eventually, type ProbeCloud } from '../probe.ts';
import { makeCluster, type ProbeCluster } from '../probe-ecs.ts';
import { makeFunction, makeRole } from '../probe-workflows.ts';

/** Answers FAILED to an event that is not as documented. */
const answering = (status: string): string => `
export const handler = async ({ lifecycleStage, executionDetails: { targetServiceRevisionArn } }) => ({
  hookStatus: lifecycleStage === 'PRE_SCALE_UP' && targetServiceRevisionArn.includes(':service-revision/')
    ? '${status}' : 'FAILED',
});`;

/** Its answer, which is none that ECS knows, is what the reason of the deployment names. */
const NAMING = 'export const handler = async ({ resourceArn }) => ({ hookStatus: resourceArn });';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const made = await makeCluster(cloud, 'public.ecr.aws/docker/library/busybox:1');
  const [succeeds, fails] = [
    await makeFunction(cloud, answering('SUCCEEDED')),
    await makeFunction(cloud, answering('FAILED')),
  ];
  const names = await makeFunction(cloud, NAMING);
  const calling = { Action: 'lambda:InvokeFunction', Resource: [succeeds, fails, names] };
  const role = await makeRole(cloud, 'ecs.amazonaws.com', [calling]);
  const powerless = await makeRole(cloud, 'ecs.amazonaws.com', []);

  await create(made, 'api', succeeds, role);
  const [blue] = await eventually(
    async () => ((await tasksOf(made, 'api')).length === 1 ? tasksOf(made, 'api') : undefined),
    'a task of the service whose hook succeeded',
  );
  await isTakenBack(made, 'api', fails, role);
  await isTakenBack(made, 'api', succeeds, powerless);
  assert.deepEqual(await tasksOf(made, 'api'), [blue]);

  await create(made, 'new', fails, role);
  const first = await eventually(
    async () => ((await isUnderWay(made, 'new')) ? undefined : newestOf(made, 'new')),
    'the end of the first deployment of a service whose hook fails',
  );
  assert.equal(first?.status, 'STOPPED');
  assert.deepEqual(await tasksOf(made, 'new'), []);

  await isTakenBack(made, 'api', names, role);
  const named = await newestOf(made, 'api');
  assert.ok(named?.statusReason?.endsWith(` returned ${named.serviceDeploymentArn}.`), named?.statusReason);
}

const configuration = (hookTargetArn: string, roleArn: string) => ({
  strategy: 'BLUE_GREEN' as const,
  lifecycleHooks: [{ hookTargetArn, roleArn, lifecycleStages: ['PRE_SCALE_UP' as const] }],
});

async function create({ ecs, cluster, family }: ProbeCluster, serviceName: string, hook: string, role: string) {
  await ecs.send(
    new CreateServiceCommand({
      ...{ cluster, taskDefinition: family, serviceName, desiredCount: 1, launchType: 'FARGATE' },
      deploymentConfiguration: configuration(hook, role),
    }),
  );
}

async function isTakenBack(made: ProbeCluster, service: string, hook: string, role: string): Promise<void> {
  const { ecs, cluster } = made;
  const deploymentConfiguration = configuration(hook, role);
  await ecs.send(new UpdateServiceCommand({ cluster, service, forceNewDeployment: true, deploymentConfiguration }));
  await eventually(
    async () => ((await newestOf(made, service))?.status === 'ROLLBACK_SUCCESSFUL' ? true : undefined),
    'the way back of a deployment',
  );
}

/** The newest service deployment. */
async function newestOf({ ecs, cluster }: ProbeCluster, service: string): Promise<ServiceDeploymentBrief | undefined> {
  const { serviceDeployments: [newest] = [] } = await ecs.send(new ListServiceDeploymentsCommand({ cluster, service }));
  return newest;
}

const isUnderWay = async (made: ProbeCluster, service: string): Promise<boolean> =>
  (await newestOf(made, service))?.status === 'IN_PROGRESS';

async function tasksOf({ ecs, cluster }: ProbeCluster, serviceName: string): Promise<readonly string[]> {
  const { taskArns = [] } = await ecs.send(new ListTasksCommand({ cluster, serviceName }));
  return taskArns;
}
