import {
  DescribeExecutionCommand,
  ExecutionAlreadyExists,
  ExecutionDoesNotExist,
  type ExecutionStatus,
  SendTaskSuccessCommand,
  SFNClient,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import { mockClient } from 'aws-sdk-client-mock';
import { SfnExecutions } from '../../../shared/adapters/sfn-executions.ts';
import { SfnWaitingStep } from '../../../shared/adapters/sfn-waiting-step.ts';
import { awsError } from './support.ts';

const sfn = mockClient(SFNClient);
beforeEach(() => sfn.reset());
const client = new SFNClient({ region: 'us-gov-west-1' });
const MACHINE = 'arn:aws-us-gov:states:us-gov-west-1:111122223333:stateMachine:rebuild-cascade';
const executions = new SfnExecutions(client, MACHINE);
const ARN = 'arn:aws-us-gov:states:us-gov-west-1:111122223333:execution:rebuild-cascade:ab-g1';
const step = new SfnWaitingStep(client);
const TOKEN = 'AAAAKgAAAAIAAAAA-secret';

const STATUSES: readonly [string, string][] = [
  ['RUNNING', 'running'],
  ['PENDING_REDRIVE', 'running'],
  ['A_STATUS_OF_TOMORROW', 'running'],
  ['SUCCEEDED', 'succeeded'],
  ['FAILED', 'failed'],
  ['TIMED_OUT', 'failed'],
  ['ABORTED', 'failed'],
];
test.each(STATUSES)('the status %s is %s, and a start by its name answers by it', async (status, state) => {
  sfn.on(DescribeExecutionCommand, { executionArn: ARN }).resolves({ status: status as ExecutionStatus });
  sfn.on(StartExecutionCommand).rejects(new ExecutionAlreadyExists({ message: 'there', $metadata: {} }));
  expect(await executions.state(ARN)).toBe(state);
  expect(await executions.start('ab-g1')).toEqual({
    outcome: state === 'running' ? 'running' : 'already-closed',
    executionArn: ARN,
  });
});

test('the executions of an alias have the ARN of the machine', async () => {
  sfn.on(StartExecutionCommand).rejects(new ExecutionAlreadyExists({ message: 'there', $metadata: {} }));
  sfn.on(DescribeExecutionCommand).resolves({ status: 'RUNNING' });
  const aliased = new SfnExecutions(client, `${MACHINE}:live`);
  expect(await aliased.start('ab-g1')).toEqual({ outcome: 'running', executionArn: ARN });
});

test('a name whose execution is forgotten already was closed', async () => {
  sfn.on(StartExecutionCommand).rejects(new ExecutionAlreadyExists({ message: 'there', $metadata: {} }));
  sfn.on(DescribeExecutionCommand).rejects(new ExecutionDoesNotExist({ message: 'gone', $metadata: {} }));
  expect(await executions.start('ab-g1')).toEqual({ outcome: 'already-closed', executionArn: ARN });
});

test('an execution has the name of its cascade and no other input', async () => {
  sfn.on(StartExecutionCommand).resolves({ executionArn: ARN });
  await executions.start('ab-g1');
  expect(sfn.commandCalls(StartExecutionCommand)[0]?.args[0].input).toMatchObject({
    name: 'ab-g1',
    input: '{"cascadeId":"ab-g1"}',
  });
});

test.each(['ThrottlingException', 'ExecutionLimitExceeded', 'StateMachineDoesNotExist'])(
  '%s is never read as an answer',
  async (name) => {
    sfn.rejects(awsError(name));
    await expect(executions.start('ab-g1')).rejects.toMatchObject({ name });
    await expect(executions.state(ARN)).rejects.toMatchObject({ name });
    await expect(step.succeed(TOKEN, {})).rejects.toMatchObject({ name });
  },
);

test.each(['TaskTimedOut', 'TaskDoesNotExist', 'InvalidToken'])('%s: the step no longer waits', async (name) => {
  sfn.on(SendTaskSuccessCommand).rejects(awsError(name, `Invalid token: ${TOKEN}`));
  expect(await step.succeed(TOKEN, {})).toBe(false);
});

test('an error that quotes the token is reported without it', async () => {
  sfn
    .on(SendTaskSuccessCommand)
    .rejects(awsError('ValidationException', `Value '${TOKEN}' at 'taskToken' is too long`));
  const error: unknown = await step.succeed(TOKEN, {}).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({
    name: 'StepNotAnsweredError',
    message: expect.stringContaining('ValidationException'),
  });
  expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain(TOKEN);
  expect(error).not.toHaveProperty('cause');
});
