import { readFileSync } from 'node:fs';
import { jest } from '@jest/globals';
import type { Context } from 'aws-lambda';
import { cascadePlan, handler } from '../../../functions/cascade-plan/handler.ts';
import type { CascadeNode } from '../../../shared/domain/cascade.ts';
import { logger } from '../../../shared/lambda/powertools.ts';
import { cascade, node } from '../../support/rebuild-samples.ts';
import { lastStarted, type PlanWorld, planWorld, portsOf, streamOf, violating, wakeUp } from './support.ts';

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

  test('is one plan, whatever its messages tell', async () => {
    const world = await planWorld();
    await violating(world);
    expect(await ask(world, { Records })).toEqual({ batchItemFailures: [] });
    expect(world.executions.started).toHaveLength(1);
  });

  test('comes back as a whole while another planner is at work', async () => {
    const world = await planWorld();
    await world.cascades.beginPlanning('other', { nowEpochMs: world.clock(), untilEpochMs: world.clock() + 1 });
    const failures = Records.map(({ messageId }) => ({ itemIdentifier: messageId }));
    expect(await ask(world, { Records })).toEqual({ batchItemFailures: failures });
  });

  test('comes back as a whole where the plan fails', async () => {
    const world = await planWorld();
    jest.spyOn(world.policies, 'current').mockRejectedValue(new Error('internal'));
    await expect(ask(world, { Records })).rejects.toThrow('internal');
  });
});

test.each([
  ['neither', {}],
  ['an action that is none', { action: 'plan', cascadeId: 'c', executionArn: 'arn' }],
  ['a field too many', { action: 'open', cascadeId: 'c', executionArn: 'arn', stream: 's' }],
])('refuses %s', async (_, event) => {
  await expect(handler(event, context)).rejects.toMatchObject({ name: 'InvalidInputError' });
});

test('names every variable that its environment lacks', async () => {
  await expect(handler({ Records: [] }, context)).rejects.toMatchObject({
    name: 'EnvironmentError',
    message: expect.stringMatching(
      /LEDGER_TABLE.*RUN_BUCKET.*CASCADE_MACHINE_ARN.*REGISTRY_EVENT_QUEUE_URL.*CASCADE_END_QUEUE_URL/,
    ),
  });
});

async function plannedWorld(count = 1): Promise<{ readonly world: PlanWorld; readonly step: Step }> {
  const world = await planWorld({ caps: { concurrentRebuilds: 3 } });
  for (let n = 0; n < count; n += 1) await violating(world, n);
  await wakeUp(world);
  const { cascadeId } = (await lastStarted(world)).cascade;
  return { world, step: { cascadeId, executionArn: world.executions.arnOf(cascadeId) } };
}

interface Step {
  readonly cascadeId: string;
  readonly executionArn: string;
}

describe('open', () => {
  test('the cascade runs, and its waves lie in the run bucket', async () => {
    const { world, step } = await plannedWorld(2);
    const key = `runs/${step.cascadeId}/wave-0.json`;
    const opened = { cascadeId: step.cascadeId, waves: [{ wave: 0, key, count: 2 }], concurrency: 6 };

    expect(await ask(world, { action: 'open', ...step })).toEqual(opened);
    expect(await world.cascades.get(step.cascadeId)).toMatchObject({
      state: 'running',
      executionArn: step.executionArn,
    });
    expect(await world.runFiles.get(key)).toEqual(
      [0, 1].map((n) => ({ cascadeId: step.cascadeId, stream: streamOf(n) })),
    );
    expect(await ask(world, { action: 'open', ...step })).toEqual(opened);
  });

  test('waves come in order, without nodes that have ended', async () => {
    const { world } = await plannedWorld();
    const cascadeId = 'waves-g1';
    const nodes = [2, 0, 1, 1].map((wave, n) => node(cascadeId, streamOf(n), { wave }));
    await plant(world, cascadeId, [...nodes, node(cascadeId, streamOf(9), { wave: 3, state: 'refused' })]);
    const executionArn = world.executions.arnOf(cascadeId);
    const { waves } = (await ask(world, { action: 'open', cascadeId, executionArn })) as {
      readonly waves: readonly { readonly wave: number; readonly count: number }[];
    };
    expect(waves.map(({ wave, count }) => [wave, count])).toEqual([
      [0, 1],
      [1, 2],
      [2, 1],
    ]);
  });

  test.each([
    ['one that nobody planned', { cascadeId: 'ffffffffffff-g1', executionArn: 'a:execution:m:ffffffffffff-g1' }],
    ['an execution of another name', { executionArn: 'arn:aws:states:eu-west-1:111122223333:execution:m:by-hand' }],
  ])('refuses %s', async (_, change) => {
    const { world, step } = await plannedWorld();
    await expect(ask(world, { action: 'open', ...step, ...change })).rejects.toMatchObject({
      name: 'InvalidInputError',
    });
    expect(await world.cascades.get(step.cascadeId)).toMatchObject({ state: 'planned' });
  });

  test('a cascade that was given up before it began is not begun', async () => {
    const { world, step } = await plannedWorld();
    await world.cascades.changeCascade(step.cascadeId, (before) => ({ ...before, state: 'incomplete' }));
    await expect(ask(world, { action: 'open', ...step })).rejects.toMatchObject({ name: 'CascadeEndedError' });
  });
});

async function plant(world: PlanWorld, cascadeId: string, nodes: readonly CascadeNode[]): Promise<void> {
  const { version: policyVersion } = await world.policies.current();
  await world.cascades.beginPlanning('test', { nowEpochMs: world.clock(), untilEpochMs: world.clock() + 1 });
  await world.cascades.write('test', cascade(cascadeId, { policyVersion, streams: nodes.length }), nodes);
  await world.cascades.endPlanning('test');
}
