import { jest } from '@jest/globals';
import { route } from '../../../functions/cascade-plan/route.ts';
import { collect } from '../../../shared/concurrency.ts';
import { rebuildIdOf } from '../../../shared/domain/cause/rebuild.ts';
import { parseStreamId } from '../../../shared/domain/stream/stream.ts';
import { logger } from '../../../shared/lambda/powertools.ts';
import { cascade, lock, node } from '../../support/rebuild-samples.ts';
import {
  causeOf,
  comeToRest,
  HOUR_MS,
  lastStarted,
  type PlanWorld,
  plan,
  planWorld,
  portsOf,
  STREAM,
  setPolicy,
  streamOf,
  violating,
} from './support.ts';

afterEach(() => jest.restoreAllMocks());

/** The document in force is gone. @returns what brings it back */
async function lost({ policies }: PlanWorld) {
  const { version, policy } = await policies.current();
  policies.lose(version);
  return () => policies.publish(policy, { replaces: version });
}

test('while the policy cannot be read the planner begins nothing, and every cause keeps its answer', async () => {
  const world = await planWorld({ mode: 'report-only' });
  await violating(world, 0);
  await plan(world);
  const before = await collect(world.causes.open());
  expect((await causeOf(world)).answer).toMatchObject({ reason: 'report-only' });
  await setPolicy(world, { mode: 'enforce' });
  const repair = await lost(world);

  expect(await plan(world)).toMatchObject({
    streams: 0,
    withoutPolicy: expect.stringContaining('patchwave policy apply'),
  });
  expect(world.executions.started).toEqual([]);
  expect(await collect(world.causes.open())).toEqual(before);
  expect(await collect(world.cascades.open())).toEqual([]);

  await repair();
  expect(await plan(world)).toMatchObject({ streams: 1, cascadeId: expect.any(String) });
  expect(world.executions.started).toHaveLength(1);
});

test('a written cascade that was not started is started once the policy can be read again', async () => {
  const world = await planWorld();
  const { version: policyVersion } = await world.policies.current();
  await world.cascades.beginPlanning('dead', { nowEpochMs: world.clock(), untilEpochMs: world.clock() });
  const planned = [node('abc-g1', streamOf(3), { causeVersion: 1 })];
  await world.cascades.write('dead', cascade('abc-g1', { policyVersion }), planned);
  const repair = await lost(world);
  await plan(world);
  expect(world.executions.started).toEqual([]);
  await repair();
  await plan(world);
  expect(world.executions.started).toEqual(['abc-g1']);
});

test('a dead cascade is released even without an end event', async () => {
  const world = await planWorld();
  await violating(world, 0);
  await plan(world);
  const { cascade: begun } = await lastStarted(world);
  const { cascadeId, executionArn = '', plannedAtEpochMs } = begun;
  const rebuildId = rebuildIdOf(cascadeId, plannedAtEpochMs, STREAM);
  await world.locks.take(lock(rebuildId, { stream: STREAM, cascadeId, executionArn }));
  await lost(world);
  world.executions.end(cascadeId, 'failed');
  world.advance(HOUR_MS);
  await plan(world);
  await comeToRest(world);
  expect((await world.cascades.get(cascadeId))?.state).toBe('incomplete');
  expect((await collect(world.locks.all())).flat()).toEqual([]);
  expect((await causeOf(world)).state).toBe('open');
  expect(world.executions.started).toHaveLength(1);
});

test('its messages are handled, and an error names the next step', async () => {
  const error = jest.spyOn(logger, 'error').mockImplementation(() => undefined);
  const world = await planWorld();
  await violating(world, 0);
  await lost(world);
  const event = { Records: [{ messageId: 'm' }] } as Parameters<typeof route>[0];
  expect(await route(event, portsOf(world), { awsRequestId: 'r' })).toEqual({ batchItemFailures: [] });
  expect(error).toHaveBeenCalledWith(
    expect.stringMatching(/^Patchwave plans no cascade: .*`patchwave policy apply FILE`/),
  );
  expect((await world.causes.get([STREAM])).get(STREAM)).toMatchObject({ state: 'open' });
});

describe('a repository that was pushed to while the policy could not be read', () => {
  const LOOK = JSON.stringify({ kind: 'refresh', stream: STREAM });
  const { location } = parseStreamId(STREAM);

  test('is refreshed once, after the policy is readable again', async () => {
    const world = await planWorld();
    const repair = await lost(world);
    await world.lateHeads.add({ location, atEpochMs: world.clock() });
    await plan(world);
    expect(world.refreshes.take()).toEqual([]);
    await repair();
    await plan(world);
    expect(world.refreshes.take()).toEqual([LOOK]);
    await plan(world);
    expect(world.refreshes.take()).toEqual([]);
  });

  test('is refreshed again after a push meanwhile', async () => {
    const world = await planWorld();
    await world.lateHeads.add({ location, atEpochMs: world.clock() });
    await plan(world, {
      before: async (step) => {
        if (step === 'lateHeads.remove') await world.lateHeads.add({ location, atEpochMs: world.clock() + 1 });
      },
    });
    await plan(world);
    expect(world.refreshes.take()).toEqual([LOOK, LOOK]);
  });

  test('is forgotten where no rule of the policy names it', async () => {
    const world = await planWorld();
    const other = { ...location, repository: 'nobody/knows' };
    await world.lateHeads.add({ location: other, atEpochMs: world.clock() });
    await plan(world);
    expect([world.refreshes.take(), await collect(world.lateHeads.all())]).toEqual([[], []]);
  });
});
