import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { type DoorQuestion, type GateAnswer, gateAnswer } from '../domain/admission/door-question.ts';
import { cutText } from '../domain/common/cut-text.ts';
import { type HubDoor, HubDoorError } from '../ports/doors.ts';
import type { Retry } from '../ports/retry.ts';
import * as v from '../schema.ts';
import { fullJitter } from './backoff.ts';

const LONGEST_DETAIL = 500;

/** The function `ecs-door` of the hub. A question changes nothing, so it may be asked again. */
export class LambdaHubDoor implements HubDoor {
  readonly #client: LambdaClient;
  readonly #functionArn: string;
  readonly #retry: Retry;

  constructor(client: LambdaClient, functionArn: string, retry: Retry = fullJitter({ attempts: 4, firstMs: 500 })) {
    this.#client = client;
    this.#functionArn = functionArn;
    this.#retry = retry;
  }

  async ask(question: DoorQuestion): Promise<GateAnswer> {
    const command = { FunctionName: this.#functionArn, Payload: new TextEncoder().encode(JSON.stringify(question)) };
    for (let attempt = 1; ; attempt += 1) {
      try {
        const { FunctionError, Payload } = await this.#client.send(new InvokeCommand(command));
        const text = new TextDecoder().decode(Payload);
        if (FunctionError === undefined) return this.#decisionIn(text);
        if (attempt >= this.#retry.attempts) throw this.#broken(`failed: ${cutText(text, LONGEST_DETAIL)}`);
      } catch (error) {
        if (error instanceof HubDoorError) throw error;
        if (attempt >= this.#retry.attempts) throw this.#broken(`cannot be called: ${detailOf(error)}`, error);
      }
      await this.#retry.wait(attempt);
    }
  }

  #decisionIn(text: string): GateAnswer {
    const parsed = v.safeParse(gateAnswer, jsonOf(text));
    if (parsed.success) return parsed.data;
    throw this.#broken(`gave no valid answer: ${parsed.problems.map((problem) => v.problemText(problem)).join('; ')}`);
  }

  #broken(problem: string, cause?: unknown): HubDoorError {
    return new HubDoorError(this.#functionArn, problem, cause);
  }
}

const detailOf = (error: unknown): string =>
  cutText(error instanceof Error ? `${error.name}: ${error.message}` : String(error), LONGEST_DETAIL);

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
