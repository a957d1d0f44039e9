import assert from 'node:assert/strict';
import {
  DescribeMapRunCommand,
  ListExecutionsCommand,
  ListMapRunsCommand,
  SendTaskFailureCommand,
  SendTaskHeartbeatCommand,
  SendTaskSuccessCommand,
  SFNClient,
  StartExecutionCommand,
  StopExecutionCommand,
} from '@aws-sdk/client-sfn';
import { CreateQueueCommand, DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { eventually, type ProbeCloud } from '../probe.ts';
import { sessionThatMay } from '../probe-sessions.ts';
import { endOf, makeMachine } from '../probe-workflows.ts';

const TIMED_OUT = { name: 'TaskTimedOut' };

export default async function probe(cloud: ProbeCloud): Promise<void> {
  await wrongTokens(cloud);
  await heartbeatsOfChildren(cloud);
  await stoppedChildren(cloud);
  await retries(cloud);
  await permissions(cloud);
}

interface Waiting {
  readonly sfn: SFNClient;
  readonly machine: string;
  readonly executionArn: string;
  /** The token of each item, by the item. */
  readonly tokens: ReadonlyMap<string, string>;
  /** The next item and token. */
  readonly next: () => Promise<readonly [string, string]>;
}

/** Starts an execution with a child of its own for each item; each child waits to be answered. */
async function wait(
  cloud: ProbeCloud,
  items: readonly string[],
  HeartbeatSeconds = 60,
  Retry: readonly object[] = [],
): Promise<Waiting> {
  const [sqs, sfn] = [new SQSClient(cloud.config), new SFNClient(cloud.config)];
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: cloud.unique('tokens') }));
  const Ask = {
    Type: 'Task',
    Resource: 'arn:aws:states:::sqs:sendMessage.waitForTaskToken',
    Parameters: { QueueUrl, MessageBody: { 'item.$': '$', 'token.$': '$$.Task.Token' } },
    HeartbeatSeconds,
    TimeoutSeconds: 60,
    Retry,
    Catch: [{ ErrorEquals: ['States.HeartbeatTimeout'], ResultPath: '$', Next: 'Late' }],
    End: true,
  };
  const machine = await makeMachine(cloud, {
    StartAt: 'ForEach',
    States: {
      ForEach: {
        Type: 'Map',
        ItemProcessor: {
          ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' },
          StartAt: 'Ask',
          States: { Ask, Late: { Type: 'Pass', Parameters: { 'late.$': '$.Error' }, End: true } },
        },
        End: true,
      },
    },
  });
  const { executionArn = '' } = await sfn.send(
    new StartExecutionCommand({ stateMachineArn: machine, input: JSON.stringify(items) }),
  );
  const next = () =>
    eventually(async () => {
      const { Messages: [message] = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl }));
      if (!message?.Body) return undefined;
      await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: message.ReceiptHandle }));
      const body = JSON.parse(message.Body) as { readonly item: string; readonly token: string };
      return [body.item, body.token] as const;
    }, 'a token');
  const tokens = new Map<string, string>();
  while (tokens.size < items.length) tokens.set(...(await next()));
  return { sfn, machine, executionArn, tokens, next };
}

const tokenOf = ({ tokens }: Waiting, item: string): string => tokens.get(item) ?? '';
const succeed = (taskToken: string, output = '{}') => new SendTaskSuccessCommand({ taskToken, output });

async function wrongTokens(cloud: ProbeCloud): Promise<void> {
  const waiting = await wait(cloud, ['a']);
  const { sfn } = waiting;
  const token = tokenOf(waiting, 'a');
  const never = '01234567-89ab-4cde-8f01-23456789abcd';
  await assert.rejects(sfn.send(succeed('no token')), { name: 'InvalidToken' });
  await assert.rejects(sfn.send(succeed(never)), { name: 'TaskDoesNotExist' });
  await assert.rejects(sfn.send(new SendTaskHeartbeatCommand({ taskToken: never })), { name: 'TaskDoesNotExist' });
  await assert.rejects(sfn.send(succeed(token, 'no JSON')), { name: 'InvalidOutput' });
  await sfn.send(succeed(token, '"done"'));
  // The step may not even have woken up: the first answer counts.
  await assert.rejects(sfn.send(new SendTaskFailureCommand({ taskToken: token, error: 'Late' })), TIMED_OUT);
  assert.deepEqual((await endOf(cloud, waiting.executionArn)).output, ['done']);
  await assert.rejects(sfn.send(succeed(token)), TIMED_OUT);
}

async function heartbeatsOfChildren(cloud: ProbeCloud): Promise<void> {
  const waiting = await wait(cloud, ['alive', 'silent'], 1);
  const { sfn, executionArn } = waiting;
  const taskToken = tokenOf(waiting, 'alive');
  await eventually(async () => {
    await sfn.send(new SendTaskHeartbeatCommand({ taskToken }));
    const { mapRuns } = await sfn.send(new ListMapRunsCommand({ executionArn }));
    const run = await sfn.send(new DescribeMapRunCommand({ mapRunArn: mapRuns?.[0]?.mapRunArn }));
    return run.executionCounts?.succeeded === 1 ? true : undefined;
  }, 'the heartbeat time-out of the silent one');
  await assert.rejects(sfn.send(succeed(tokenOf(waiting, 'silent'))), TIMED_OUT);
  await sfn.send(succeed(taskToken, '"done"'));
  assert.deepEqual((await endOf(cloud, executionArn)).output, ['done', { late: 'States.HeartbeatTimeout' }]);
}

async function stoppedChildren(cloud: ProbeCloud): Promise<void> {
  const waiting = await wait(cloud, ['a', 'b']);
  const { sfn, executionArn } = waiting;
  await sfn.send(new StopExecutionCommand({ executionArn }));
  assert.equal((await endOf(cloud, executionArn)).status, 'ABORTED');
  const { mapRuns } = await sfn.send(new ListMapRunsCommand({ executionArn }));
  const mapRunArn = mapRuns?.[0]?.mapRunArn ?? '';
  const { executions = [] } = await sfn.send(new ListExecutionsCommand({ mapRunArn }));
  assert.deepEqual(
    executions.map(({ status }) => status),
    ['ABORTED', 'ABORTED'],
  );
  for (const token of waiting.tokens.values()) {
    await assert.rejects(sfn.send(succeed(token)), TIMED_OUT);
    await assert.rejects(sfn.send(new SendTaskHeartbeatCommand({ taskToken: token })), TIMED_OUT);
  }
  await eventually(async () => {
    const run = await sfn.send(new DescribeMapRunCommand({ mapRunArn }));
    return run.executionCounts?.aborted === 2 && run.status === 'ABORTED' ? true : undefined;
  }, 'that no child waits any longer');
}

/** Each attempt has a token of its own. */
async function retries(cloud: ProbeCloud): Promise<void> {
  const retry = { ErrorEquals: ['Again'], IntervalSeconds: 1, MaxAttempts: 1 };
  const { sfn, executionArn, tokens, next } = await wait(cloud, ['a'], 60, [retry]);
  const first = tokens.get('a') ?? '';
  await sfn.send(new SendTaskFailureCommand({ taskToken: first, error: 'Again' }));
  const [, second] = await next();
  assert.notEqual(second, first);
  await assert.rejects(sfn.send(succeed(first)), TIMED_OUT);
  await sfn.send(succeed(second, '"done"'));
  assert.deepEqual((await endOf(cloud, executionArn)).output, ['done']);
}

async function permissions(cloud: ProbeCloud): Promise<void> {
  const [mine, other] = [await wait(cloud, ['a']), await wait(cloud, ['a'])];
  const statement = { Action: 'states:SendTask*', Resource: mine.machine };
  const sfn = new SFNClient(await sessionThatMay(cloud, [statement]));
  await assert.rejects(sfn.send(succeed(tokenOf(other, 'a'))), { name: 'AccessDeniedException' });
  await sfn.send(succeed(tokenOf(mine, 'a')));
  assert.equal((await endOf(cloud, mine.executionArn)).status, 'SUCCEEDED');
  await mine.sfn.send(new StopExecutionCommand({ executionArn: other.executionArn }));
}
