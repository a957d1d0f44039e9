import assert from 'node:assert/strict';
import {
  DescribeMapRunCommand,
  ListExecutionsCommand,
  ListMapRunsCommand,
  SendTaskHeartbeatCommand,
  SendTaskSuccessCommand,
  SFNClient,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { eventually, type ProbeCloud } from '../probe.ts';
import { endOf, makeMachine, run } from '../probe-workflows.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  await executionLimit(cloud);
  await children(cloud);
  await heartbeats(cloud);
}

/** The children of an execution end with it. */
async function children(cloud: ProbeCloud): Promise<void> {
  const sfn = new SFNClient(cloud.config);
  const { executionArn, status } = await run(
    cloud,
    {
      TimeoutSeconds: 1,
      StartAt: 'ForEach',
      States: {
        ForEach: {
          Type: 'Map',
          ItemsPath: '$.items',
          MaxConcurrency: 1,
          ItemProcessor: {
            ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' },
            StartAt: 'Wait',
            States: { Wait: { Type: 'Wait', Seconds: 2, Next: 'Done' }, Done: { Type: 'Succeed' } },
          },
          End: true,
        },
      },
    },
    { items: [1, 2] },
  );
  assert.equal(status, 'TIMED_OUT');
  const { mapRuns } = await sfn.send(new ListMapRunsCommand({ executionArn }));
  const mapRunArn = mapRuns?.[0]?.mapRunArn ?? '';
  assert.equal((await sfn.send(new DescribeMapRunCommand({ mapRunArn }))).status, 'ABORTED');
  const { executions = [] } = await sfn.send(new ListExecutionsCommand({ mapRunArn }));
  assert.deepEqual(
    executions.map((execution) => execution.status),
    ['ABORTED'],
  );
}

async function executionLimit(cloud: ProbeCloud): Promise<void> {
  const ended = await run(cloud, {
    TimeoutSeconds: 1,
    StartAt: 'Wait',
    States: { Wait: { Type: 'Wait', Seconds: 3, End: true } },
  });
  assert.equal(ended.status, 'TIMED_OUT');
}

async function heartbeats(cloud: ProbeCloud): Promise<void> {
  const sqs = new SQSClient(cloud.config);
  const sfn = new SFNClient(cloud.config);
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: cloud.unique('tokens') }));
  const stateMachineArn = await makeMachine(cloud, {
    QueryLanguage: 'JSONata',
    StartAt: 'Ask',
    States: {
      Ask: {
        Type: 'Task',
        Resource: 'arn:aws:states:::sqs:sendMessage.waitForTaskToken',
        Arguments: { QueueUrl, MessageBody: '{% $states.context.Task.Token %}' },
        HeartbeatSeconds: '{% $states.input.heartbeat %}',
        TimeoutSeconds: 5,
        Catch: [{ ErrorEquals: ['States.Timeout'], Output: '{% $states.errorOutput.Error %}', Next: 'Late' }],
        End: true,
      },
      Late: { Type: 'Pass', End: true },
    },
  });
  const { executionArn } = await sfn.send(
    new StartExecutionCommand({ stateMachineArn, input: JSON.stringify({ heartbeat: 1 }) }),
  );
  const taskToken = await eventually(async () => {
    const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl }));
    return Messages?.[0]?.Body;
  }, 'the token');
  await sfn.send(new SendTaskHeartbeatCommand({ taskToken }));
  const ended = await endOf(cloud, executionArn ?? '');
  assert.equal(ended.status, 'SUCCEEDED');
  assert.equal(ended.output, 'States.HeartbeatTimeout');
  await assert.rejects(sfn.send(new SendTaskSuccessCommand({ taskToken, output: '{}' })), { name: 'TaskTimedOut' });
}
