import assert from 'node:assert/strict';
import { SFNClient, StartExecutionCommand, StopExecutionCommand } from '@aws-sdk/client-sfn';
import type { ProbeCloud } from '../probe.ts';
import { type EventWatch, receiveEvent, watchEvents } from '../probe-watch.ts';
import { execute, makeMachine } from '../probe-workflows.ts';

const WAIT = { Wait: { Type: 'Wait', Seconds: 5, End: true } };

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const succeeds = await machine(cloud, { StartAt: 'Done', States: { Done: { Type: 'Succeed' } } });
  await execute(cloud, succeeds.arn, { word: 'go' });
  const [running, succeeded] = [await next(succeeds.events), await next(succeeds.events)];
  assert.deepEqual(
    [running.status, running.input, running.output, running.stopDate, running.redriveStatusReason],
    ['RUNNING', '{"word":"go"}', null, null, 'Execution is RUNNING and cannot be redriven'],
  );
  assert.deepEqual(
    [succeeded.status, succeeded.redriveStatus, succeeded.outputDetails, succeeded.output],
    ['SUCCEEDED', 'NOT_REDRIVABLE', { included: true }, '{"word": "go"}'],
  );
  assert.equal(typeof succeeded.stopDate, 'number');

  const fails = await machine(cloud, {
    StartAt: 'No',
    States: { No: { Type: 'Fail', Error: 'Bad', Cause: 'because' } },
  });
  await execute(cloud, fails.arn);
  await next(fails.events);
  await isBrokenOff(fails.events, 'FAILED', 'Bad', 'because');

  const slow = await machine(cloud, { TimeoutSeconds: 1, StartAt: 'Wait', States: WAIT });
  await execute(cloud, slow.arn);
  await next(slow.events);
  await isBrokenOff(slow.events, 'TIMED_OUT', null, null);

  const stopped = await machine(cloud, { StartAt: 'Wait', States: WAIT });
  const sfn = new SFNClient(cloud.config);
  const { executionArn } = await sfn.send(new StartExecutionCommand({ stateMachineArn: stopped.arn }));
  await sfn.send(new StopExecutionCommand({ executionArn, error: 'Enough', cause: 'a person' }));
  await next(stopped.events);
  await isBrokenOff(stopped.events, 'ABORTED', 'Enough', 'a person');
  await doubled(cloud);
}

async function machine(cloud: ProbeCloud, definition: object): Promise<{ arn: string; events: EventWatch }> {
  const arn = await makeMachine(cloud, definition);
  const pattern = { source: ['aws.states'], detail: { stateMachineArn: [arn] } };
  return { arn, events: await watchEvents(cloud, pattern) };
}

async function next(events: EventWatch): Promise<Readonly<Record<string, unknown>>> {
  const { detail, resources } = await receiveEvent(events);
  assert.deepEqual(resources, [detail.executionArn]);
  return detail;
}

async function isBrokenOff(events: EventWatch, status: string, error: unknown, cause: unknown): Promise<void> {
  const detail = await next(events);
  assert.deepEqual(
    [detail.status, detail.redriveStatus, detail.redriveStatusReason, detail.output, detail.error, detail.cause],
    [status, 'REDRIVABLE', null, null, error, cause],
  );
}

/** Like all events of AWS services they may be lost, so do not rely on a single one. */
async function doubled(cloud: ProbeCloud): Promise<void> {
  const succeeds = await machine(cloud, { StartAt: 'Done', States: { Done: { Type: 'Succeed' } } });
  await cloud.admin.setFaults({ seed: 1, events: { doubled: 1, lateMs: 20 } });
  try {
    await execute(cloud, succeeds.arn);
  } finally {
    await cloud.admin.endFaults();
  }
  const statuses = [];
  for (let event = 0; event < 4; event += 1) statuses.push((await next(succeeds.events)).status);
  assert.deepEqual(statuses.sort(), ['RUNNING', 'RUNNING', 'SUCCEEDED', 'SUCCEEDED']);
}
