import { setTimeout as sleep } from 'node:timers/promises';
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import {
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  SFNClient,
  StartExecutionCommand,
  StopExecutionCommand,
} from '@aws-sdk/client-sfn';
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { beforeAll } from '@jest/globals';
import type { Cloud } from '../../local/cloud.ts';
import { SfnExecutions } from '../../shared/adapters/sfn-executions.ts';
import { SfnWaitingStep } from '../../shared/adapters/sfn-waiting-step.ts';
import { HUB_ACCOUNT, useCloud } from '../support/cloud.ts';
import { HUB_REGION } from '../support/ledger-table.ts';
import { executionsContract } from './executions.contract.ts';
import { waitingStepContract } from './waiting-step.contract.ts';

/** A machine whose one task waits for an answer; the token comes by a queue. */
interface Machine {
  readonly client: SFNClient;
  readonly arn: string;
  /** The token of an execution's task. */
  tokenOf(executionName: string): Promise<string>;
  ended(executionArn: string): Promise<unknown>;
}

const cloud = useCloud();
let machine: Machine;
let names = 0;
beforeAll(async () => {
  machine = await createMachine(cloud());
});

describe('executions', () => {
  executionsContract(() => ({
    executions: new SfnExecutions(machine.client, machine.arn),
    newCascadeId: () => `cascade-${++names}`,
    end: async (executionArn, state) => {
      if (state === 'failed') await machine.client.send(new StopExecutionCommand({ executionArn }));
      else {
        const taskToken = await machine.tokenOf(executionArn.split(':').at(-1) ?? '');
        await new SfnWaitingStep(machine.client).succeed(taskToken, {});
      }
      await machine.ended(executionArn);
    },
  }));
});

describe('a step that waits', () => {
  const executions = new Map<string, string>();
  const executionOf = (taskToken: string): string => executions.get(taskToken) ?? '';
  waitingStepContract(() => ({
    step: new SfnWaitingStep(machine.client),
    wait: async () => {
      const name = `wait-${++names}`;
      const input = JSON.stringify({ cascadeId: name });
      const start = new StartExecutionCommand({ stateMachineArn: machine.arn, name, input });
      const { executionArn = '' } = await machine.client.send(start);
      const taskToken = await machine.tokenOf(name);
      executions.set(taskToken, executionArn);
      return taskToken;
    },
    giveUp: async (taskToken) => {
      await machine.client.send(new StopExecutionCommand({ executionArn: executionOf(taskToken) }));
      await machine.ended(executionOf(taskToken));
    },
    answer: (taskToken) => machine.ended(executionOf(taskToken)),
  }));
});

async function createMachine(running: Cloud): Promise<Machine> {
  const config = running.clients(HUB_ACCOUNT, HUB_REGION);
  const [client, sqs] = [new SFNClient(config), new SQSClient(config)];
  const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: 'tokens' }));
  const wait = {
    Type: 'Task',
    Resource: 'arn:aws:states:::sqs:sendMessage.waitForTaskToken',
    TimeoutSeconds: 600,
    Parameters: {
      QueueUrl,
      MessageBody: { 'token.$': '$$.Task.Token', 'name.$': '$$.Execution.Name' },
    },
    End: true,
  };
  const { stateMachineArn: arn = '' } = await client.send(
    new CreateStateMachineCommand({
      name: 'waits',
      roleArn: await machineRole(running),
      definition: JSON.stringify({ StartAt: 'Wait', States: { Wait: wait } }),
    }),
  );
  return { client, arn, tokenOf: tokensOf(sqs, QueueUrl), ended: (executionArn) => endOf(client, executionArn) };
}

async function machineRole(running: Cloud): Promise<string> {
  const iam = new IAMClient(running.clients(HUB_ACCOUNT, HUB_REGION));
  const RoleName = 'waits';
  const statement = (more: object) =>
    JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', ...more }] });
  const trust = statement({ Principal: { Service: 'states.amazonaws.com' }, Action: 'sts:AssumeRole' });
  const { Role } = await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: trust }));
  const PolicyDocument = statement({ Action: 'sqs:SendMessage', Resource: '*' });
  await iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: 'send', PolicyDocument }));
  return Role?.Arn ?? '';
}

function tokensOf(sqs: SQSClient, QueueUrl: string): (name: string) => Promise<string> {
  const tokens = new Map<string, string>();
  return async (name) => {
    for (;;) {
      const token = tokens.get(name);
      if (token !== undefined) return token;
      const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 1 }));
      for (const { Body = '' } of Messages) {
        const waiting = JSON.parse(Body) as { readonly name: string; readonly token: string };
        tokens.set(waiting.name, waiting.token);
      }
    }
  };
}

/** Waits for the end of an execution; gives its output. */
async function endOf(client: SFNClient, executionArn: string): Promise<unknown> {
  for (;;) {
    const { status, output } = await client.send(new DescribeExecutionCommand({ executionArn }));
    if (status !== 'RUNNING') return output === undefined ? undefined : JSON.parse(output);
    await sleep(20);
  }
}
