import type { CascadeExecutions } from '../../shared/ports/executions.ts';

/** Executions that run until a test ends them. */
export interface ExecutionsWorld {
  readonly executions: CascadeExecutions;
  /** An id that no other test has used. */
  newCascadeId(): string;
  /** Ends the execution of a cascade, and waits until it has ended. */
  end(executionArn: string, state: 'succeeded' | 'failed'): Promise<void>;
}

export function executionsContract(world: () => ExecutionsWorld): void {
  test('a cascade has one execution, after repeated and concurrent starts', async () => {
    const cascadeId = world().newCascadeId();
    const starts = await Promise.all(Array.from({ length: 3 }, () => world().executions.start(cascadeId)));
    starts.push(await world().executions.start(cascadeId));
    expect(new Set(starts.map(({ outcome }) => outcome))).toEqual(new Set(['running']));
    expect(new Set(starts.map(({ executionArn }) => executionArn)).size).toBe(1);
    const [first] = starts;
    expect(await world().executions.state(first?.executionArn ?? '')).toBe('running');
    expect(first?.executionArn).toMatch(new RegExp(`:${cascadeId}$`));
  });

  test.each(['succeeded', 'failed'] as const)('an execution that %s is never started again', async (state) => {
    const cascadeId = world().newCascadeId();
    const { executionArn } = await world().executions.start(cascadeId);
    await world().end(executionArn, state);
    expect(await world().executions.state(executionArn)).toBe(state);
    expect(await world().executions.start(cascadeId)).toEqual({ outcome: 'already-closed', executionArn });
    expect(await world().executions.state(executionArn)).toBe(state);
  });

  test('an execution that never was is gone', async () => {
    const { executionArn } = await world().executions.start(world().newCascadeId());
    expect(await world().executions.state(`${executionArn}-never`)).toBe('gone');
  });
}
