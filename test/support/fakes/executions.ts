import type { CascadeExecutions } from '../../../shared/ports/executions.ts';

type State = Awaited<ReturnType<CascadeExecutions['state']>>;

/** Executions in memory that end when a test says so. */
export class FakeExecutions implements CascadeExecutions {
  readonly #states = new Map<string, Exclude<State, 'gone'>>();
  /** Every cascade whose execution was really started, in order. */
  readonly started: string[] = [];

  arnOf(cascadeId: string): string {
    return `arn:aws:states:eu-west-1:111122223333:execution:rebuild-cascade:${cascadeId}`;
  }

  end(cascadeId: string, state: 'succeeded' | 'failed'): this {
    this.#states.set(this.arnOf(cascadeId), state);
    return this;
  }

  /** The history of executions that ended long ago is not kept. */
  forget(cascadeId: string): this {
    this.#states.delete(this.arnOf(cascadeId));
    return this;
  }

  async start(cascadeId: string): ReturnType<CascadeExecutions['start']> {
    const executionArn = this.arnOf(cascadeId);
    const state = this.#states.get(executionArn);
    if (state !== undefined) return { outcome: state === 'running' ? 'running' : 'already-closed', executionArn };
    this.#states.set(executionArn, 'running');
    this.started.push(cascadeId);
    return { outcome: 'running', executionArn };
  }

  async state(executionArn: string): Promise<State> {
    return this.#states.get(executionArn) ?? 'gone';
  }
}
