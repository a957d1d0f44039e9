import assert from 'node:assert/strict';
import { CreateServiceCommand, DescribeTasksCommand, ListTasksCommand, RunTaskCommand } from '@aws-sdk/client-ecs';
import type { ProbeCloud } from '../probe.ts';
import { makeCluster } from '../probe-ecs.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const { ecs, cluster, family } = await makeCluster(cloud, 'public.ecr.aws/docker/library/busybox:1');
  const run = { cluster, taskDefinition: family, launchType: 'FARGATE' } as const;
  const { tasks: [alone] = [] } = await ecs.send(new RunTaskCommand(run));
  assert.deepEqual(alone?.attributes, [{ name: 'ecs.cpu-architecture', value: 'arm64' }]);
  assert.equal(alone?.group, `family:${family}`);
  assert.equal(alone?.containerInstanceArn, undefined);

  const { service } = await ecs.send(new CreateServiceCommand({ ...run, serviceName: 'web', desiredCount: 1 }));
  const { taskArns } = await ecs.send(new ListTasksCommand({ cluster, serviceName: 'web' }));
  const { tasks: [ofService] = [] } = await ecs.send(new DescribeTasksCommand({ cluster, tasks: taskArns }));
  assert.equal(ofService?.group, 'service:web');
  assert.equal(ofService?.startedBy, service?.deployments?.[0]?.id);
  assert.match(ofService?.startedBy ?? '', /^ecs-svc\//);
}
