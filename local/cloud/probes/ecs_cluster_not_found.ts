import assert from 'node:assert/strict';
import { DescribeTasksCommand, ECSClient, ListServicesCommand, ListTasksCommand } from '@aws-sdk/client-ecs';
import type { ProbeCloud } from '../probe.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const ecs = new ECSClient(cloud.config);
  const cluster = cloud.unique('absent');
  const expected = { name: 'ClusterNotFoundException' };
  await assert.rejects(ecs.send(new ListTasksCommand({ cluster })), expected);
  await assert.rejects(ecs.send(new ListServicesCommand({ cluster })), expected);
  await assert.rejects(ecs.send(new DescribeTasksCommand({ cluster, tasks: ['absent'] })), expected);
}
