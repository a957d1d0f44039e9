import { jest } from '@jest/globals';
import type { Context } from 'aws-lambda';
import { cascadeReaper } from '../../../functions/cascade-reaper/handler.ts';
import type { CascadeNode } from '../../../shared/domain/cause/cascade.ts';
import { logger } from '../../../shared/lambda/powertools.ts';
import { crashAt, type Turns } from '../../support/fakes/interleave.ts';
import { reaperPortsOf } from '../../support/reaper-ports.ts';
import { deployment, rebuild } from '../../support/rebuild-samples.ts';
import { digestOf } from '../../support/samples.ts';
import {
  causeOf,
  fact,
  isLeaseFree,
  lastStarted,
  type PlanWorld,
  pipelineOf,
  planWorld,
  setPolicy,
  streamOf,
  violating,
  wakeUp,
} from '../cascade-plan/support.ts';
import { MACHINES } from './support.ts';

const context = { functionName: 'cascade-reaper', awsRequestId: 'request', memoryLimitInMB: '512' } as Context;
const ask = (world: PlanWorld, event: unknown, turns: Turns = {}) =>
  cascadeReaper(() => ({ ports: reaperPortsOf(world, world.runs, turns), machines: MACHINES }))(event, context);

beforeEach(() => {
  jest.spyOn(logger, 'error').mockImplementation(() => undefined);
});
afterEach(() => jest.restoreAllMocks());

interface Step {
  readonly cascadeId: string;
  readonly executionArn: string;
}

async function plannedWorld(count = 1): Promise<{ readonly world: PlanWorld; readonly step: Step }> {
  const world = await planWorld();
  for (let n = 0; n < count; n += 1) await violating(world, n);
  await wakeUp(world);
  const { cascadeId } = (await lastStarted(world)).cascade;
  return { world, step: { cascadeId, executionArn: world.executions.arnOf(cascadeId) } };
}

describe('close', () => {
  const end = (world: PlanWorld, { cascadeId }: Step, changes: Partial<CascadeNode>) =>
    world.cascades.changeNode(cascadeId, streamOf(), (before) => ({ ...before, ...changes }));
  const output = digestOf('output');

  test('every node is verified: the cascade is complete, also if it is closed twice', async () => {
    const { world, step } = await plannedWorld();
    await end(world, step, { state: 'verified', output });
    const closed = { state: 'complete', detail: 'The stream is verified, or needs no rebuild now.' };
    expect(await ask(world, { action: 'close', ...step })).toEqual(closed);
    expect(await world.cascades.get(step.cascadeId)).toMatchObject({
      state: 'complete',
      endedAtEpochMs: world.clock(),
    });
    expect(await ask(world, { action: 'close', ...step })).toEqual(closed);
  });

  test('an unfinished node: the cascade is incomplete and names the missing parts', async () => {
    const { world, step } = await plannedWorld();
    await end(world, step, { state: 'failed', outcome: { result: 'failed', reason: 'the tests were red' } });
    expect(await ask(world, { action: 'close', ...step })).toEqual({
      state: 'incomplete',
      detail: `stream ${streamOf()}: failed (the tests were red)`,
    });
  });

  test('a node that its child left open is ended, and its cause planned again', async () => {
    const { world, step } = await plannedWorld();
    expect(await ask(world, { action: 'close', ...step })).toMatchObject({
      state: 'incomplete',
      detail: expect.stringContaining('cascade-ended'),
    });
    expect(await causeOf(world)).toMatchObject({ state: 'open' });
    expect(await world.cascades.node(step.cascadeId, streamOf())).toMatchObject({ state: 'waiting' });
  });

  test('a node that was verified and not settled is verified, and its closure opened', async () => {
    const { world, step } = await plannedWorld();
    await end(world, step, { state: 'verifying', rebuildId: 'r1' });
    const done = {
      stream: streamOf(),
      cascadeId: step.cascadeId,
      pipeline: pipelineOf(),
      startingAtEpochMs: 1,
      output,
    };
    const build = { state: 'succeeded' } as const;
    await world.rebuilds.record(streamOf(), 'r1', () =>
      rebuild('r1', { ...done, build, facts: [fact()], outcome: { result: 'fixed' } }),
    );
    expect(await ask(world, { action: 'close', ...step })).toMatchObject({ state: 'complete' });
    expect(await closures(world, step)).toMatchObject([{ stream: streamOf(), output, state: 'open' }]);
    expect(await causeOf(world)).toMatchObject({ state: 'open' });
  });

  test('an unwatched deployment has failed', async () => {
    const { world, step } = await plannedWorld();
    await end(world, step, { state: 'verified', output });
    await world.rollouts.beginDeployment(deployment(step.cascadeId, 'a/b/c/d', { state: 'running' }));
    await world.rollouts.beginDeployment(deployment(step.cascadeId, 'a/b/c/e', { state: 'completed' }));
    expect(await ask(world, { action: 'close', ...step })).toMatchObject({
      state: 'incomplete',
      detail: expect.stringMatching(/^deployment of a\/b\/c\/d: failed/),
    });
  });

  test('killed at any call, the next try ends the same', async () => {
    for (let at = 0; ; at += 1) {
      const { world, step } = await plannedWorld(2);
      await end(world, step, { state: 'verified', output });
      const turns = crashAt(at, 'after');
      const event = { action: 'close', ...step };
      const first = await ask(world, event, turns).then(
        () => 'done',
        () => 'killed',
      );
      const closed = await ask(world, event);
      expect(closed).toMatchObject({ state: 'incomplete', detail: expect.stringContaining(streamOf(1)) });
      expect(await causeOf(world, 1)).toMatchObject({ state: 'open' });
      expect(await isLeaseFree(world)).toBe(true);
      if (first === 'done') break;
      expect(at).toBeLessThan(100);
    }
  });

  test('if the policy of the cascade is unreadable, the policy in force sets the deadline of the closure', async () => {
    const { world, step } = await plannedWorld();
    await end(world, step, { state: 'verified', output });
    await world.cascades.changeCascade(step.cascadeId, (before) => ({ ...before, policyVersion: 'gone' }));
    await setPolicy(world, { mode: 'paused' });
    expect(await ask(world, { action: 'close', ...step })).toMatchObject({ state: 'complete' });
    expect(await closures(world, step)).toHaveLength(1);
  });
});

async function closures({ rollouts }: PlanWorld, { cascadeId }: Step): Promise<readonly unknown[]> {
  const found: unknown[] = [];
  for await (const closure of rollouts.closures(cascadeId)) found.push(closure);
  return found;
}
