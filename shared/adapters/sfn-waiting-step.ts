import { SendTaskSuccessCommand, type SFNClient } from '@aws-sdk/client-sfn';
import { StepNotAnsweredError } from '../ports/acting-errors.ts';
import type { WaitingStep } from '../ports/executions.ts';
import { isNamed } from './refusal.ts';

/** The step already has its answer, was stopped or timed out, or the token is of another Region or account. */
const STEP_IS_GONE = ['TaskTimedOut', 'TaskDoesNotExist', 'InvalidToken'];

/** Steps of Step Functions machines that wait for a task token. */
export class SfnWaitingStep implements WaitingStep {
  readonly #client: SFNClient;

  constructor(client: SFNClient) {
    this.#client = client;
  }

  async succeed(taskToken: string, output: Readonly<Record<string, unknown>>): Promise<boolean> {
    try {
      await this.#client.send(new SendTaskSuccessCommand({ taskToken, output: JSON.stringify(output) }));
      return true;
    } catch (error) {
      if (isNamed(error, ...STEP_IS_GONE)) return false;
      if (error instanceof Error && error.message.includes(taskToken)) throw new StepNotAnsweredError(error.name);
      throw error;
    }
  }
}
