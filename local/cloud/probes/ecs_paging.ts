import assert from 'node:assert/strict';
import {
  CreateClusterCommand,
  CreateServiceCommand,
  DescribeServicesCommand,
  DescribeTasksCommand,
  ListServicesCommand,
  paginateListClusters,
  paginateListServices,
  paginateListTasks,
  RunTaskCommand,
} from '@aws-sdk/client-ecs';
import type { ProbeCloud } from '../probe.ts';
import { makeCluster } from '../probe-ecs.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const { ecs: client, cluster, family } = await makeCluster(cloud, 'public.ecr.aws/docker/library/busybox:1');
  const run = { cluster, taskDefinition: family, launchType: 'FARGATE' } as const;
  await client.send(new CreateClusterCommand({ clusterName: cloud.unique('cluster') }));
  for (let number = 0; number < 11; number += 1) {
    await client.send(new CreateServiceCommand({ ...run, serviceName: `web-${number}`, desiredCount: 1 }));
  }

  const clusters = [];
  for await (const page of paginateListClusters({ client, pageSize: 1 }, {})) {
    assert.equal(page.clusterArns?.length, 1);
    clusters.push(...page.clusterArns);
  }
  assert.ok(clusters.length >= 2 && new Set(clusters).size === clusters.length);

  // Ten services a page unless more are asked for.
  const first = await client.send(new ListServicesCommand({ cluster }));
  assert.equal(first.serviceArns?.length, 10);
  const services = [];
  for await (const page of paginateListServices({ client }, { cluster })) services.push(...(page.serviceArns ?? []));
  assert.equal(new Set(services).size, 11);

  const tasks = [];
  for await (const page of paginateListTasks({ client, pageSize: 4 }, { cluster }))
    tasks.push(...(page.taskArns ?? []));
  assert.equal(new Set(tasks).size, 11);
  const { tasks: [extra] = [] } = await client.send(new RunTaskCommand(run));
  const missing = `${extra?.taskArn?.slice(0, -4)}0000`;
  const described = await client.send(new DescribeTasksCommand({ cluster, tasks: [extra?.taskArn ?? '', missing] }));
  assert.deepEqual(described.failures, [{ arn: missing, reason: 'MISSING' }]);

  const many = (count: number) => Array.from({ length: count }, (_, number) => `absent-${number}`);
  await assert.rejects(client.send(new DescribeTasksCommand({ cluster, tasks: many(101) })), {
    name: 'InvalidParameterException',
  });
  await assert.rejects(client.send(new DescribeServicesCommand({ cluster, services: many(11) })), {
    name: 'InvalidParameterException',
  });
}
