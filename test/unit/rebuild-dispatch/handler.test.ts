import { jest } from '@jest/globals';
import type { Context } from 'aws-lambda';
import { handler, rebuildDispatch } from '../../../functions/rebuild-dispatch/handler.ts';
import { StepNotAnsweredError } from '../../../shared/ports/acting-errors.ts';
import { type DispatchWorld, dispatchWorld, finishLast, LIMITS, plan, portsOf, stepOf } from './support.ts';

const context = { functionName: 'rebuild-dispatch', awsRequestId: 'request-1', memoryLimitInMB: '512' } as Context;
const TOKEN = 'AQCEAAAAKgAAAAMAAAAAAAAAAfS3cretT0ken';

/** Everything that the function writes to its log. */
let logged: string[] = [];
beforeEach(() => {
  logged = [];
  const keep = (...texts: unknown[]): void => void logged.push(...texts.map(String));
  for (const level of ['debug', 'info', 'warn', 'error', 'log'] as const)
    jest.spyOn(globalThis.console, level).mockImplementation(keep);
  for (const stream of [process.stdout, process.stderr])
    jest.spyOn(stream, 'write').mockImplementation((text) => {
      logged.push(String(text));
      return true;
    });
});
afterEach(() => jest.restoreAllMocks());

const functionOf = (world: DispatchWorld, ports = portsOf(world)) => rebuildDispatch(() => ({ ports, limits: LIMITS }));

test('handles the steps of a node, one after the other', async () => {
  const world = await dispatchWorld();
  const node = await plan(world);
  const dispatch = functionOf(world);
  const { rebuildId } = node;

  expect(await dispatch({ action: 'reserve', ...stepOf(node) }, context)).toEqual({
    decision: 'build',
    rebuildId,
    recheckAfterSeconds: 900,
  });
  world.waitingStep.wait(TOKEN);
  const build = { ...stepOf(node), rebuildId };
  expect(await dispatch({ action: 'start', ...build, taskToken: TOKEN }, context)).toBeUndefined();
  expect(await dispatch({ action: 'poll', ...build }, context)).toEqual({ state: 'running' });
  finishLast(world, { state: 'failed', detail: 'exit 1' });
  expect(await dispatch({ action: 'poll', ...build }, context)).toEqual({ state: 'failed' });
  expect(await dispatch({ action: 'settle', ...stepOf(node), failure: null }, context)).toEqual({
    state: 'failed',
    detail: 'failed: exit 1',
  });
});

test('an internal failure ends the node with its message and counts no attempt', async () => {
  const world = await dispatchWorld();
  const node = await plan(world);
  const dispatch = functionOf(world);
  await dispatch({ action: 'reserve', ...stepOf(node) }, context);
  const failure = { Error: 'Lambda.Unknown', Cause: '{"errorMessage":"it broke","trace":["a","b"]}' };
  expect(await dispatch({ action: 'settle', ...stepOf(node), failure }, context)).toEqual({
    state: 'failed',
    detail: 'failed: Lambda.Unknown: it broke',
  });
  expect([...(await world.guards.get([node.stream])).values()]).toMatchObject([{ failuresInARow: 0, generation: 2 }]);
  expect(await world.locks.get(node.stream)).toBeUndefined();
});

describe('a task token is never logged', () => {
  async function startWith(spoil: (world: DispatchWorld) => void) {
    const world = await dispatchWorld();
    const node = await plan(world);
    const dispatch = functionOf(world);
    await dispatch({ action: 'reserve', ...stepOf(node) }, context);
    spoil(world);
    const start = { action: 'start', ...stepOf(node), rebuildId: node.rebuildId, taskToken: TOKEN };
    await expect(dispatch(start, context)).rejects.toThrow();
  }

  test.each([
    [
      'a runner that breaks',
      (world: DispatchWorld) => void jest.spyOn(world.runner, 'start').mockRejectedValue(new Error('internal')),
    ],
    [
      'a ledger that breaks after it took the token',
      (world: DispatchWorld) => void jest.spyOn(world.rebuilds, 'get').mockRejectedValue(new Error('throttled')),
    ],
    [
      'a step that cannot be answered',
      (world: DispatchWorld) => {
        void world.killSwitch.set({ rebuilding: 'paused', by: 'ann', reason: 'drill', atEpochMs: 1 });
        jest.spyOn(world.waitingStep, 'succeed').mockRejectedValue(new StepNotAnsweredError('ThrottlingException'));
      },
    ],
    ['a lock that is lost', (world: DispatchWorld) => void jest.spyOn(world.locks, 'adopt').mockResolvedValue(false)],
  ])('if the start fails with %s', async (_, spoil) => {
    await startWith(spoil);
    expect(logged.join('\n')).toMatch(/"level":"ERROR"/);
    expect(logged.join('\n')).not.toContain(TOKEN);
  });

  test('if the input is refused', async () => {
    const start = { action: 'start', cascadeId: 'c', stream: 's', rebuildId: 7, executionArn: 'e', taskToken: TOKEN };
    await expect(handler(start, context)).rejects.toMatchObject({
      name: 'InvalidInputError',
      message: expect.stringContaining('rebuildId'),
    });
    expect(logged.join('\n')).toMatch(/"level":"ERROR"/);
    expect(logged.join('\n')).not.toContain(TOKEN);
  });
});

test.each([
  ['a node that was never planned', { action: 'reserve', cascadeId: 'none-g1', stream: 's', executionArn: 'e' }],
  ['an action that is none', { action: 'build', cascadeId: 'c', stream: 's', executionArn: 'e' }],
  ['a settling without the error or null', { action: 'settle', cascadeId: 'c', stream: 's', executionArn: 'e' }],
  ['an unknown field', { action: 'poll', cascadeId: 'c', stream: 's', executionArn: 'e', rebuildId: 'r', x: 1 }],
])('refuses %s', async (_, input) => {
  const world = await dispatchWorld();
  await expect(functionOf(world)(input, context)).rejects.toMatchObject({ name: 'InvalidInputError' });
});

test('a rebuild without a reservation can be neither started nor polled', async () => {
  const world = await dispatchWorld();
  const node = await plan(world);
  const build = { ...stepOf(node), rebuildId: node.rebuildId };
  for (const step of [
    { action: 'start', ...build, taskToken: TOKEN },
    { action: 'poll', ...build },
  ]) {
    await expect(functionOf(world)(step, context)).rejects.toMatchObject({ name: 'StreamLockLostError' });
  }
});

test('names every variable that its environment lacks', async () => {
  const step = { action: 'reserve', cascadeId: 'c', stream: 's', executionArn: 'e' };
  await expect(handler(step, context)).rejects.toMatchObject({
    name: 'EnvironmentError',
    message: expect.stringMatching(/LEDGER_TABLE.*ACT_BUILD_ROLE_NAME.*CASCADE_MACHINE_ARN.*BUILD_POLL_SECONDS/),
  });
});
