import assert from 'node:assert/strict';
import { CreateScheduleCommand, SchedulerClient, type Target } from '@aws-sdk/client-scheduler';
import { ListExecutionsCommand, SFNClient } from '@aws-sdk/client-sfn';
import { eventually, type ProbeCloud } from '../probe.ts';
import { attributeOf, makeQueue, received } from '../probe-events.ts';
import { endOf, makeMachine, makeRole } from '../probe-workflows.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const machine = await makeMachine(cloud, { StartAt: 'Done', States: { Done: { Type: 'Succeed' } } });
  const dead = await makeQueue(cloud, []);
  const start = { Action: 'states:StartExecution', Resource: machine };
  const bury = { Action: 'sqs:SendMessage', Resource: dead.arn };
  const able = await makeRole(cloud, 'scheduler.amazonaws.com', [start, bury]);
  const unable = await makeRole(cloud, 'scheduler.amazonaws.com', [bury]);

  const denied = await schedule(cloud, {
    Arn: machine,
    RoleArn: unable,
    Input: '{"scope":"denied"}',
    DeadLetterConfig: { Arn: dead.arn },
  });
  const arn = await schedule(cloud, { Arn: machine, RoleArn: able, Input: '{"by":"<aws.scheduler.schedule-arn>"}' });

  const sfn = new SFNClient(cloud.config);
  const executionArn = await eventually(async () => {
    const { executions } = await sfn.send(new ListExecutionsCommand({ stateMachineArn: machine }));
    return executions?.[0]?.executionArn;
  }, 'the start by the schedule');
  assert.deepEqual((await endOf(cloud, executionArn)).output, { by: arn });

  const message = await received(cloud, dead);
  assert.deepEqual(message.body, { scope: 'denied' });
  assert.equal(attributeOf(message, 'ERROR_CODE'), 'NO_PERMISSIONS');
  assert.equal(attributeOf(message, 'SCHEDULE_ARN'), denied);
}

/** A schedule for one second ago, which is due at the next look. */
async function schedule(cloud: ProbeCloud, target: Target): Promise<string | undefined> {
  const at = new Date(Date.now() - 1000).toISOString().slice(0, 19);
  const { ScheduleArn } = await new SchedulerClient(cloud.config).send(
    new CreateScheduleCommand({
      Name: cloud.unique('schedule'),
      ScheduleExpression: `at(${at})`,
      FlexibleTimeWindow: { Mode: 'OFF' },
      Target: target,
    }),
  );
  return ScheduleArn;
}
