import assert from 'node:assert/strict';
import { RunTaskCommand, StopTaskCommand } from '@aws-sdk/client-ecs';
import type { ProbeCloud } from '../probe.ts';
import { makeCluster } from '../probe-ecs.ts';
import { receiveEvent, watchEvents } from '../probe-watch.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const { ecs, cluster, clusterArn, family } = await makeCluster(cloud, 'public.ecr.aws/docker/library/busybox:1');
  const events = await watchEvents(cloud, {
    source: ['aws.ecs'],
    'detail-type': ['ECS Task State Change'],
    detail: { clusterArn: [clusterArn] },
  });
  const { tasks: [task] = [] } = await ecs.send(
    new RunTaskCommand({ cluster, taskDefinition: family, launchType: 'FARGATE' }),
  );

  const started = await receiveEvent(events);
  assert.deepEqual(started.resources, [task?.taskArn]);
  assert.equal(started.detail.lastStatus, 'RUNNING');
  assert.equal(started.detail.clusterArn, task?.clusterArn);
  assert.match(String(started.detail.createdAt), /^\d{4}-\d\d-\d\dT/);
  assert.equal(started.detail.updatedAt, started.detail.startedAt);
  assert.equal((started.detail.containers as { name: string }[])[0]?.name, 'app');

  await ecs.send(new StopTaskCommand({ cluster, task: task?.taskArn, reason: 'done' }));
  const stopped = await receiveEvent(events);
  assert.equal(stopped.detail.lastStatus, 'STOPPED');
  assert.equal(stopped.detail.stoppedReason, 'done');
  assert.ok(Number(stopped.detail.version) > Number(started.detail.version));
}
