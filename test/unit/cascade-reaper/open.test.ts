import { jest } from '@jest/globals';
import type { Context } from 'aws-lambda';
import { cascadeReaper } from '../../../functions/cascade-reaper/handler.ts';
import type { CascadeNode } from '../../../shared/domain/cause/cascade.ts';
import { logger } from '../../../shared/lambda/powertools.ts';
import { FakeRunLedger } from '../../support/fakes/runs.ts';
import { cascade, node } from '../../support/rebuild-samples.ts';
import { lastStarted, type PlanWorld, planWorld, streamOf, violating, wakeUp } from '../cascade-plan/support.ts';
import { servicesOf } from './support.ts';

const context = { functionName: 'cascade-reaper', awsRequestId: 'request', memoryLimitInMB: '512' } as Context;
const ask = (world: PlanWorld, event: unknown) =>
  cascadeReaper(() => servicesOf({ ...world, previewRuns: new FakeRunLedger() }))(event, context);

beforeEach(() => void jest.spyOn(logger, 'error').mockImplementation(() => undefined));
afterEach(() => jest.restoreAllMocks());

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
  test('a cascade begins without a readable policy; its nodes wait for one', async () => {
    const { world, step } = await plannedWorld(2);
    world.policies.lose((await world.policies.current()).version);
    expect(await ask(world, { action: 'open', ...step })).toMatchObject({ waves: [{ wave: 0, count: 2 }] });
    expect((await world.cascades.get(step.cascadeId))?.state).toBe('running');
  });

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
    ['one that was never planned', { cascadeId: 'ffffffffffff-g1', executionArn: 'a:execution:m:ffffffffffff-g1' }],
    ['an execution of another name', { executionArn: 'arn:aws:states:eu-west-1:111122223333:execution:m:by-hand' }],
  ])('refuses %s', async (_, change) => {
    const { world, step } = await plannedWorld();
    await expect(ask(world, { action: 'open', ...step, ...change })).rejects.toMatchObject({
      name: 'InvalidInputError',
    });
    expect(await world.cascades.get(step.cascadeId)).toMatchObject({ state: 'planned' });
  });

  test('a cascade that was ended before it began is not begun', async () => {
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
