import assert from 'node:assert/strict';
import {
  CreateScheduleCommand,
  ListSchedulesCommand,
  paginateListSchedules,
  SchedulerClient,
} from '@aws-sdk/client-scheduler';
import type { ProbeCloud } from '../probe.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const client = new SchedulerClient(cloud.config);
  const made = [1, 2, 3].map(() => cloud.unique('schedule'));
  for (const Name of made)
    await client.send(
      new CreateScheduleCommand({
        ...{ Name, ScheduleExpression: 'rate(1 day)', FlexibleTimeWindow: { Mode: 'OFF' } },
        Target: { Arn: 'arn:aws:sqs:eu-west-1:555500000001:queue', RoleArn: 'arn:aws:iam::555500000001:role/none' },
      }),
    );
  const listed: string[] = [];
  for await (const { Schedules = [] } of paginateListSchedules({ client, pageSize: 2 }, {})) {
    assert.ok(Schedules.length <= 2);
    listed.push(...Schedules.flatMap(({ Name }) => Name ?? []));
  }
  assert.deepEqual(
    made.filter((name) => !listed.includes(name)),
    [],
  );
  assert.equal(new Set(listed).size, listed.length);
  await assert.rejects(client.send(new ListSchedulesCommand({ NextToken: 'junk' })), { name: 'ValidationException' });
}
