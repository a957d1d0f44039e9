import assert from 'node:assert/strict';
import { RunTaskCommand } from '@aws-sdk/client-ecs';
import type { ProbeCloud } from '../probe.ts';
import { makeCluster } from '../probe-ecs.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const { ecs, cluster, family } = await makeCluster(cloud, 'public.ecr.aws/docker/library/busybox:1');
  const milliseconds: number[] = [];
  // That each starts in the first millisecond of a second by chance is one in 10 to the 15.
  for (let asked = 0; asked < 5; asked += 1) {
    const request = new RunTaskCommand({ cluster, taskDefinition: family, launchType: 'FARGATE' });
    const { tasks: [task] = [] } = await ecs.send(request);
    milliseconds.push(task?.createdAt?.getMilliseconds() ?? 0);
  }
  assert.ok(milliseconds.some((each) => each !== 0));
}
