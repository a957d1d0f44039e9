import type { WaitingStep } from '../../shared/ports/executions.ts';

/** Steps of a machine that wait for an answer. */
export interface WaitingStepWorld {
  readonly step: WaitingStep;
  /** A step begins to wait; gives its token. */
  wait(): Promise<string>;
  /** It is stopped before it has an answer. */
  giveUp(taskToken: string): Promise<void>;
  /** What the step was answered. */
  answer(taskToken: string): Promise<unknown>;
}

export function waitingStepContract(world: () => WaitingStepWorld): void {
  test('a step that waits gets its answer, once', async () => {
    const taskToken = await world().wait();
    const output = { state: 'succeeded', outputDigest: 'sha256:ab', quotes: '"ü"' };
    expect(await world().step.succeed(taskToken, output)).toBe(true);
    expect(await world().answer(taskToken)).toEqual(output);
    expect(await world().step.succeed(taskToken, { state: 'failed' })).toBe(false);
    expect(await world().answer(taskToken)).toEqual(output);
  });

  test('the token of an abandoned step, or of none, has no waiting step', async () => {
    const taskToken = await world().wait();
    await world().giveUp(taskToken);
    expect(await world().step.succeed(taskToken, {})).toBe(false);
    expect(await world().step.succeed('no-token-at-all', {})).toBe(false);
  });
}
