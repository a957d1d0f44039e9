import { jest } from '@jest/globals';
import type { Context } from 'aws-lambda';
import { buildResult, handler } from '../../../functions/build-result/handler.ts';
import { logger } from '../../../shared/lambda/powertools.ts';
import { NodeMachine } from '../rebuild-dispatch/machine.ts';
import { dispatchWorld, eventOf, finishLast, PIPELINE, plan, portsOf } from '../rebuild-dispatch/support.ts';

const context = { functionName: 'build-result', awsRequestId: 'request-1', memoryLimitInMB: '512' } as Context;

beforeEach(() => {
  jest.spyOn(logger, 'error').mockImplementation(() => undefined);
});
afterEach(() => jest.restoreAllMocks());

test('a failed message is named, and the others are handled', async () => {
  const world = await dispatchWorld();
  const machine = await new NodeMachine(world, await plan(world)).run('waiting');
  finishLast(world, { state: 'succeeded' });
  const body = eventOf(PIPELINE, String(world.runner.started[0]?.executionId));
  const Records = [
    { messageId: 'm1', body, receiptHandle: 'r' },
    { messageId: 'm2', body: '{' },
  ];
  jest.spyOn(world.deadLetters, 'put').mockRejectedValue(new Error('queue is gone'));
  expect(await buildResult(() => portsOf(world))({ Records }, context)).toEqual({
    batchItemFailures: [{ itemIdentifier: 'm2' }],
  });
  expect(machine.answer).toEqual({ state: 'succeeded' });
});

test('refuses input that is no batch of messages', async () => {
  await expect(handler({ detail: {} }, context)).rejects.toMatchObject({ name: 'InvalidInputError' });
});

test('names every variable that its environment lacks', async () => {
  await expect(handler({ Records: [] }, context)).rejects.toMatchObject({
    name: 'EnvironmentError',
    message: expect.stringMatching(/LEDGER_TABLE.*ACT_BUILD_ROLE_NAME.*DEAD_LETTER_QUEUE_URL/),
  });
});
