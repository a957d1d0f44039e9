import {
  CreateClusterCommand,
  CreateServiceCommand,
  type ECSClient,
  type NetworkConfiguration,
  paginateListTasks,
  RegisterTaskDefinitionCommand,
  type RegisterTaskDefinitionCommandInput,
  RunTaskCommand,
} from '@aws-sdk/client-ecs';
import { CreateScheduleCommand } from '@aws-sdk/client-scheduler';
import { partitionOf } from '../../shared/domain/image/partitions.ts';
import { hostOf } from '../builds/registry.ts';
import type { TaskChange } from '../cloud/admin-types.ts';
import { inParallel } from './parallel.ts';
import { placeKey, pushesOf } from './places.ts';
import type { FleetContainerImage, FleetSchedule, FleetWorkload } from './schema.ts';
import { DAY_MS, SEED_CONCURRENCY, type SeedContext, SeedError } from './seed-context.ts';

/** RunTask starts so many tasks at most (Amazon ECS API reference). */
const RUN_TASK_MOST = 10;
/** Where the tasks of the embedded cloud are. */
export const NETWORK: NetworkConfiguration = {
  awsvpcConfiguration: { subnets: ['subnet-0a1b2c3d'], assignPublicIp: 'DISABLED' },
};

/** What every task definition for AWS Fargate says. */
export const FARGATE_TASK = {
  requiresCompatibilities: ['FARGATE'],
  networkMode: 'awsvpc',
  cpu: '256',
  memory: '512',
} satisfies Partial<RegisterTaskDefinitionCommandInput>;

export async function createClusters({ fleet, ecs }: SeedContext): Promise<void> {
  await inParallel(SEED_CONCURRENCY, fleet.clusters, async ({ account, region, name }) => {
    await ecs(account, region).send(new CreateClusterCommand({ clusterName: name }));
  });
}

/** Runs the task definition of a workload each night. */
export async function createSchedule({ scheduler }: SeedContext, schedule: FleetSchedule): Promise<void> {
  const { account, region, cluster, name, workload } = schedule;
  const arn = `arn:${partitionOf(region).name}`;
  await scheduler(account, region).send(
    new CreateScheduleCommand({
      ...{ Name: name, ScheduleExpression: 'cron(0 3 * * ? *)', FlexibleTimeWindow: { Mode: 'OFF' } },
      Target: {
        Arn: `${arn}:ecs:${region}:${account}:cluster/${cluster}`,
        RoleArn: `${arn}:iam::${account}:role/schedules`,
        EcsParameters: { TaskDefinitionArn: `${arn}:ecs:${region}:${account}:task-definition/${workload}` },
      },
    }),
  );
}

/** Starts a workload and gives the ARNs of its tasks. */
export async function startWorkload(context: SeedContext, workload: FleetWorkload): Promise<string[]> {
  const client = context.ecs(workload.account, workload.region);
  const taskDefinition = await registerTaskDefinition(context, client, workload);
  const taskArns =
    workload.kind === 'standalone'
      ? await runTasks(client, workload, taskDefinition)
      : await createService(client, workload, taskDefinition);
  if (taskArns.length !== workload.count) {
    throw new SeedError(
      `${workload.name} in ${workload.cluster} has ${taskArns.length} tasks instead of ${workload.count}`,
    );
  }
  await changeTasks(context, workload, taskArns);
  return taskArns;
}

async function registerTaskDefinition(
  context: SeedContext,
  client: ECSClient,
  workload: FleetWorkload,
): Promise<string> {
  const onFargate = workload.kind !== 'daemon';
  const { taskDefinition } = await client.send(
    new RegisterTaskDefinitionCommand({
      family: workload.name,
      ...(onFargate && FARGATE_TASK),
      runtimePlatform: {
        operatingSystemFamily: 'LINUX',
        cpuArchitecture: workload.architecture === 'arm64' ? 'ARM64' : 'X86_64',
      },
      containerDefinitions: workload.containers.flatMap((container, n) => {
        const image = imageReference(context, container);
        return image === undefined ? [] : [{ name: container.name, image, memory: 128, essential: n === 0 }];
      }),
    }),
  );
  if (taskDefinition?.taskDefinitionArn) return taskDefinition.taskDefinitionArn;
  throw new SeedError(`RegisterTaskDefinition gave ${workload.name} no ARN`);
}

/** Undefined for a container that AWS adds: no task definition names it. */
export function imageReference({ builds }: SeedContext, container: FleetContainerImage): string | undefined {
  if ('external' in container) return container.external;
  if ('digestOnly' in container) return undefined;
  const build = builds.get(container.image);
  if (build === undefined) throw new SeedError(`no image is named ${container.image}`);
  const place = container.from ?? build.image;
  const path = `${hostOf(place)}/${place.repository}`;
  if (container.reference === 'digest') return `${path}@${build.head.digest}`;
  const push = pushesOf(build.image).find((candidate) => placeKey(candidate) === placeKey(place));
  return `${path}:${container.tag ?? push?.tags[0]}`;
}

async function runTasks(client: ECSClient, workload: FleetWorkload, taskDefinition: string): Promise<string[]> {
  const arns: string[] = [];
  while (arns.length < workload.count) {
    const count = Math.min(RUN_TASK_MOST, workload.count - arns.length);
    const request = { cluster: workload.cluster, taskDefinition, count, ...launch(workload) };
    const { tasks = [], failures = [] } = await client.send(new RunTaskCommand(request));
    const [failure] = failures;
    if (failure || tasks.length === 0)
      throw new SeedError(`${workload.name} was not run: ${failure?.reason ?? 'no task'}`);
    arns.push(...tasks.flatMap(({ taskArn }) => taskArn ?? []));
  }
  return arns;
}

async function createService(client: ECSClient, workload: FleetWorkload, taskDefinition: string): Promise<string[]> {
  const { cluster, name, kind, count, controller, circuitBreaker } = workload;
  await client.send(
    new CreateServiceCommand({
      cluster,
      serviceName: name,
      taskDefinition,
      desiredCount: count,
      schedulingStrategy: kind === 'daemon' ? 'DAEMON' : 'REPLICA',
      deploymentController: { type: controller },
      deploymentConfiguration: {
        deploymentCircuitBreaker: { enable: circuitBreaker !== 'off', rollback: circuitBreaker === 'rollback' },
      },
      ...launch(workload),
    }),
  );
  const arns: string[] = [];
  for await (const page of paginateListTasks({ client }, { cluster, serviceName: name })) {
    arns.push(...(page.taskArns ?? []));
  }
  return arns;
}

function launch({ kind }: FleetWorkload) {
  return kind === 'daemon'
    ? ({ launchType: 'EC2' } as const)
    : ({ launchType: 'FARGATE', networkConfiguration: NETWORK } as const);
}

/** Gives tasks their start in the past, and the containers as AWS and an old agent would report them. */
async function changeTasks(
  { admin, builds, nowEpochMs }: SeedContext,
  { account, region, containers, startedDaysAgo }: FleetWorkload,
  taskArns: readonly string[],
): Promise<void> {
  const changed = containers.flatMap((container): NonNullable<TaskChange['containers']> => {
    if ('digestOnly' in container) {
      const imageDigest = builds.get(container.digestOnly)?.head.digest ?? container.digestOnly;
      return [{ name: container.name, imageDigest }];
    }
    return 'digestMissing' in container && container.digestMissing ? [{ name: container.name, imageDigest: null }] : [];
  });
  if (changed.length === 0 && startedDaysAgo === 0) return;
  const at = new Date(nowEpochMs - startedDaysAgo * DAY_MS);
  const past = startedDaysAgo === 0 ? {} : { createdAt: at, startedAt: at };
  for (const task of taskArns) await admin.changeTask({ account, region, task, containers: changed, ...past });
}
