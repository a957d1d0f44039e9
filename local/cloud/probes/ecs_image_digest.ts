import assert from 'node:assert/strict';
import {
  CreateServiceCommand,
  DescribeTasksCommand,
  ListTasksCommand,
  RunTaskCommand,
  type Task,
  UpdateServiceCommand,
} from '@aws-sdk/client-ecs';
import { eventually, makeRepository, type ProbeCloud, pushImage, registryOf } from '../probe.ts';
import { makeCluster } from '../probe-ecs.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const repository = await makeRepository(cloud, 'digest');
  const first = await pushImage(cloud, repository, [{ 'etc/motd': 'one' }], 'stable');
  const { ecs, cluster, family } = await makeCluster(cloud, `${registryOf(cloud.config)}/${repository}:stable`);
  const digests = (tasks: Task[] | undefined) => tasks?.map((task) => task.containers?.[0]?.imageDigest);

  const run = { cluster, taskDefinition: family, launchType: 'FARGATE' } as const;
  assert.deepEqual(digests((await ecs.send(new RunTaskCommand(run))).tasks), [first.digest]);
  await ecs.send(new CreateServiceCommand({ ...run, serviceName: 'web', desiredCount: 1 }));

  // A deployment keeps the digest that its first task resolved; a task of its own takes what the tag names now.
  const second = await pushImage(cloud, repository, [{ 'etc/motd': 'two' }], 'stable');
  assert.deepEqual(digests((await ecs.send(new RunTaskCommand(run))).tasks), [second.digest]);
  const ofService = async () => {
    const { taskArns } = await ecs.send(new ListTasksCommand({ cluster, serviceName: 'web' }));
    return digests((await ecs.send(new DescribeTasksCommand({ cluster, tasks: taskArns }))).tasks);
  };
  await ecs.send(new UpdateServiceCommand({ cluster, service: 'web', desiredCount: 2 }));
  assert.deepEqual(await ofService(), [first.digest, first.digest]);
  await ecs.send(new UpdateServiceCommand({ cluster, service: 'web', forceNewDeployment: true }));
  await eventually(async () => {
    const found = (await ofService()) ?? [];
    return found.length === 2 && found.every((digest) => digest === second.digest) ? true : undefined;
  }, 'a deployment that takes what the tag names now');
}
