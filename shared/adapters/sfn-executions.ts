import {
  DescribeExecutionCommand,
  ExecutionAlreadyExists,
  ExecutionDoesNotExist,
  type SFNClient,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import { AnswerIncompleteError } from '../ports/acting-errors.ts';
import type { CascadeExecutions } from '../ports/executions.ts';

/**
 * Executions of one Step Functions machine, each named after its cascade: a name is reserved for 90 days after its end.
 */
export class SfnExecutions implements CascadeExecutions {
  readonly #client: SFNClient;
  readonly #stateMachineArn: string;

  constructor(client: SFNClient, stateMachineArn: string) {
    this.#client = client;
    this.#stateMachineArn = stateMachineArn;
  }

  /** A running execution of the same name and input is returned as if it had just been started. */
  async start(cascadeId: string): ReturnType<CascadeExecutions['start']> {
    const input = JSON.stringify({ cascadeId });
    const command = new StartExecutionCommand({ stateMachineArn: this.#stateMachineArn, name: cascadeId, input });
    try {
      const { executionArn } = await this.#client.send(command);
      if (executionArn !== undefined) return { outcome: 'running', executionArn };
    } catch (error) {
      if (!(error instanceof ExecutionAlreadyExists)) throw error;
      const executionArn = executionArnOf(this.#stateMachineArn, cascadeId);
      const state = await this.state(executionArn);
      return { outcome: state === 'running' ? 'running' : 'already-closed', executionArn };
    }
    throw new AnswerIncompleteError('StartExecution', cascadeId, 'the ARN of an execution');
  }

  async state(executionArn: string): ReturnType<CascadeExecutions['state']> {
    try {
      const { status } = await this.#client.send(new DescribeExecutionCommand({ executionArn }));
      // One that waits for a redrive, or has a new kind of state, may still act, so it has not ended.
      return ENDS[status ?? ''] ?? 'running';
    } catch (error) {
      if (error instanceof ExecutionDoesNotExist) return 'gone';
      throw error;
    }
  }
}

/** An alias or version that stands behind the machine's name is no part of its executions' ARNs. */
function executionArnOf(stateMachineArn: string, name: string): string {
  const [prefix = '', machine = ''] = stateMachineArn.split(':stateMachine:');
  return `${prefix}:execution:${machine.split(':')[0]}:${name}`;
}

const ENDS: Readonly<Record<string, 'succeeded' | 'failed'>> = {
  SUCCEEDED: 'succeeded',
  FAILED: 'failed',
  TIMED_OUT: 'failed',
  ABORTED: 'failed',
};
