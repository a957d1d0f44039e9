import { readFileSync } from 'node:fs';
import { jest } from '@jest/globals';
import type { Context } from 'aws-lambda';
import { handler, registryEvents } from '../../../functions/registry-events/handler.ts';
import { logger } from '../../../shared/lambda/powertools.ts';
import { messages, portsOf, pushed, pushWorld } from './support.ts';

const contextWith = (leftMs: number): Context =>
  ({
    ...{ functionName: 'registry-events', awsRequestId: 'request-1', memoryLimitInMB: '512' },
    getRemainingTimeInMillis: () => leftMs,
  }) as Context;
const context = contextWith(300_000);
const sample = (name: string) => readFileSync(new URL(`../../../events/${name}`, import.meta.url), 'utf8');

let logged: jest.SpiedFunction<typeof logger.info>;
beforeEach(() => {
  jest.spyOn(logger, 'error').mockImplementation(() => undefined);
  logged = jest.spyOn(logger, 'info').mockImplementation(() => undefined);
});
afterEach(() => jest.restoreAllMocks());

test('a batch of messages: the sample events and our own push are handled, and an invalid one is set aside', async () => {
  const world = await pushWorld();
  const names = ['pushed', 'untagged', 'deleted'].map((name) => `aws.ecr.ecr-image-action.${name}.json`);
  const bodies = [
    ...names.map(sample),
    pushed(world, { name: 'one', tag: 'v1' }),
    sample('aws.ecr.ecr-image-scan.complete.json'),
  ];
  const event = { Records: messages(bodies).map((message) => ({ ...message, receiptHandle: 'r' })) };
  expect(await registryEvents(() => portsOf(world))(event, context)).toEqual({ batchItemFailures: [] });
  expect(logged.mock.calls).toEqual([['ignored pushes to repositories without a rule', { withoutRule: 2 }]]);
  expect(world.deadLetters.letters).toMatchObject([{ reason: expect.stringContaining('detail-type') }]);
  expect(world.images.records.size).toBe(1);
});

test('a failed push is named by its message and redelivered', async () => {
  const world = await pushWorld();
  const bodies = ['no JSON', pushed(world, { name: 'one', tag: 'v1' })];
  jest.spyOn(world.registry, 'manifests').mockRejectedValue(new Error('internal'));
  const ports = { ...portsOf(world), registry: world.registry };
  const reply = await registryEvents(() => ports)({ Records: messages(bodies) }, context);
  expect(reply).toEqual({ batchItemFailures: [{ itemIdentifier: 'm1' }] });
  jest.restoreAllMocks();
});

test('a push for which no time is left is delivered again', async () => {
  const world = await pushWorld();
  const event = { Records: messages([pushed(world, { name: 'one', tag: 'v1' })]) };
  await expect(registryEvents(() => portsOf(world))(event, contextWith(60_000))).rejects.toMatchObject({
    name: 'MessagesFailedError',
    message: expect.stringContaining('team/web'),
  });
  expect(world.images.records.size).toBe(0);
  expect(await registryEvents(() => portsOf(world))(event, context)).toEqual({ batchItemFailures: [] });
  expect(world.images.records.size).toBe(1);
});

test('refuses input that is no batch of messages, and an incomplete environment', async () => {
  await expect(handler({ action: 'push' }, context)).rejects.toMatchObject({ name: 'InvalidInputError' });
  await expect(handler({ Records: [] }, context)).rejects.toThrow(
    /LEDGER_TABLE.*READ_ROLE_NAME.*DEAD_LETTER_QUEUE_URL.*PLAN_QUEUE_URL.*SCANS_PER_SECOND.*SCAN_EVENT_QUEUE_URL.*HEAD_EVENT_QUEUE_URL/,
  );
});
