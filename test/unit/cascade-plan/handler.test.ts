import { readFileSync } from 'node:fs';
import { jest } from '@jest/globals';
import type { Context } from 'aws-lambda';
import { cascadePlan, handler } from '../../../functions/cascade-plan/handler.ts';
import { logger } from '../../../shared/lambda/powertools.ts';
import { type PlanWorld, planWorld, portsOf, violating } from './support.ts';

const context = { functionName: 'cascade-plan', awsRequestId: 'request', memoryLimitInMB: '512' } as Context;
const sample = (name: string) => readFileSync(new URL(`../../../events/${name}`, import.meta.url), 'utf8');
const ask = (world: PlanWorld, event: unknown) => cascadePlan(() => portsOf(world))(event, context);

beforeEach(() => {
  for (const level of ['error', 'info'] as const) jest.spyOn(logger, level).mockImplementation(() => undefined);
});
afterEach(() => jest.restoreAllMocks());

describe('a batch of wake-ups', () => {
  const Records = [
    sample('patchwave.rebuild-needed.finding.json'),
    sample('patchwave.fleet-reviewed.succeeded.json'),
    sample('patchwave.policy-changed.replaced.json'),
    sample('aws.states.step-functions-execution-status-change.cascade-failed.json'),
    'not even JSON',
  ].map((body, index) => ({ messageId: `m${index}`, body, receiptHandle: 'r' }));

  test('makes one plan for any messages', async () => {
    const world = await planWorld();
    await violating(world);
    expect(await ask(world, { Records })).toEqual({ batchItemFailures: [] });
    expect(world.executions.started).toHaveLength(1);
  });

  test('is redelivered as a whole while another planner works', async () => {
    const world = await planWorld();
    await world.cascades.beginPlanning('other', { nowEpochMs: world.clock(), untilEpochMs: world.clock() + 1 });
    const failures = Records.map(({ messageId }) => ({ itemIdentifier: messageId }));
    expect(await ask(world, { Records })).toEqual({ batchItemFailures: failures });
  });

  test('is redelivered as a whole if the plan fails', async () => {
    const world = await planWorld();
    jest.spyOn(world.policies, 'current').mockRejectedValue(new Error('internal'));
    await expect(ask(world, { Records })).rejects.toThrow('internal');
  });
});

test.each([
  ['nothing', {}],
  ['what is no queue', { action: 'open', cascadeId: 'c', executionArn: 'arn' }],
])('refuses %s', async (_, event) => {
  await expect(handler(event, context)).rejects.toMatchObject({ name: 'InvalidInputError' });
});

test('names every variable that its environment lacks', async () => {
  await expect(handler({ Records: [] }, context)).rejects.toMatchObject({
    name: 'EnvironmentError',
    message: expect.stringMatching(
      /LEDGER_TABLE.*CASCADE_MACHINE_ARN.*REGISTRY_EVENT_QUEUE_URL.*CASCADE_END_QUEUE_URL/,
    ),
  });
});
