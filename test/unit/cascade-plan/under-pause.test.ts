import type { KillSwitch } from '../../../shared/domain/policy/kill-switch.ts';
import { planOf } from '../../../shared/planning/read-plan.ts';
import { digestOf } from '../../support/samples.ts';
import { fc } from '../../support/seeded.ts';
import { NOW } from '../domain/arbitraries.ts';
import { anyContext, anyFleet } from '../domain/lineage/any-fleets.ts';
import { inputOf } from '../domain/plan/tier-plans.ts';
import {
  causeOf,
  fact,
  HOUR_MS,
  type PlanWorld,
  plan,
  planWorld,
  pushed,
  reasonOf,
  setPolicy,
  stands,
  streamOf,
  tell,
  violating,
  wakeUp,
} from './support.ts';

const pause = (world: PlanWorld, rebuilding: 'paused' | 'active' = 'paused') =>
  world.killSwitch.set({ rebuilding, by: 'jo', atEpochMs: world.clock(), reason: 'an incident' });
const answerOf = async (world: PlanWorld, n: number) => (await causeOf(world, n)).answer;

/** A stream of each kind of answer: report-only, its parent's head not picked up, cooling down, and free to be planned. */
async function paused(): Promise<PlanWorld> {
  const world = await planWorld({
    tiers: ['application', 'application', 'application', 'application', 'base'],
    reportOnly: [0],
  });
  for (const n of [0, 1, 2, 3]) await violating(world, n);
  const parent = await pushed(world, 4, 'app-4', { tags: ['v4.1'], reasons: [] });
  stands(world, digestOf('app-1'), parent);
  await world.guards.change(streamOf(1), (history) => ({
    ...history,
    pinnedTo: [{ stream: streamOf(4), head: parent }],
  }));
  await world.guards.change(streamOf(2), (history) => ({ ...history, lastEndedAtEpochMs: world.clock() }));
  await pause(world);
  return world;
}

test('while it is paused, each answer also names what stands when the pause ends', async () => {
  const world = await paused();
  await wakeUp(world);
  expect(await answerOf(world, 0)).toMatchObject({
    ...{ answer: 'wait', reason: 'paused' },
    afterPause: { answer: 'refuse', reason: 'report-only' },
  });
  expect(await answerOf(world, 1)).toMatchObject({
    reason: 'paused',
    afterPause: { answer: 'refuse', reason: 'parent-pinned' },
  });
  expect(await answerOf(world, 2)).toMatchObject({
    reason: 'paused',
    afterPause: { answer: 'wait', reason: 'cool-down', recheckAtEpochMs: world.clock() + HOUR_MS },
  });
  expect(await answerOf(world, 3)).toMatchObject({ reason: 'paused' });
  expect(await answerOf(world, 3)).not.toHaveProperty('afterPause');
});

test('the pause itself has no recheck, starts nothing, and asks for no head', async () => {
  const world = await paused();
  await plan(world);
  expect(world.refreshes.isEmpty).toBe(true);
  await wakeUp(world);
  expect(world.executions.started).toEqual([]);
  for (const n of [0, 1, 2, 3]) expect(await answerOf(world, n)).not.toHaveProperty('recheckAtEpochMs');
});

test('when the pause ends, exactly these answers stand', async () => {
  const world = await paused();
  await wakeUp(world);
  const foretold = await Promise.all([0, 1, 2].map(async (n) => (await answerOf(world, n))?.afterPause));
  await pause(world, 'active');
  await wakeUp(world);
  const { version: policyVersion } = await world.policies.current();
  for (const [n, answer] of foretold.entries()) expect(await answerOf(world, n)).toEqual({ ...answer, policyVersion });
  expect((await causeOf(world, 3)).state).toBe('taken');
});

test('an answer that changes under a pause is recorded; the same one is not written again', async () => {
  const world = await paused();
  await wakeUp(world);
  const before = await causeOf(world, 0);
  await wakeUp(world);
  expect(await causeOf(world, 0)).toBe(before);
  await setPolicy(world, { reportOnly: [2] });
  await wakeUp(world);
  expect(await answerOf(world, 0)).not.toHaveProperty('afterPause');
  expect(await answerOf(world, 2)).toMatchObject({ reason: 'paused', afterPause: { reason: 'report-only' } });
});

test('a fact that no image has any more is settled under a pause only by what a review has read', async () => {
  const world = await planWorld();
  await pushed(world, 0, 'app-0', { tags: ['v0.1'], reasons: [], inUse: true });
  await tell(world, 0, fact());
  await pushed(world, 1, 'app-1', { tags: ['v1.1'], reasons: [reasonOf(fact())], inUse: true });
  await tell(world, 1, fact(), fact({ vulnerability: 'CVE-2026-9' }));
  await pause(world);
  await wakeUp(world);
  expect((await causeOf(world, 0)).facts).toHaveLength(1);
  await world.runs.begin({
    ...{ runId: 'run', mode: 'review', scopeKey: 'fleet', policyVersion: 'p', state: 'running' },
    ...{ startedAtEpochMs: world.clock(), leaseUntilEpochMs: world.clock() + 1 },
  });
  await world.runs.finish({
    ...{ runId: 'run', mode: 'review', scopeKey: 'fleet', policyVersion: 'p', state: 'succeeded' },
    ...{ startedAtEpochMs: world.clock(), endedAtEpochMs: world.clock(), leaseUntilEpochMs: world.clock() + 1 },
  });
  await wakeUp(world);
  expect((await causeOf(world, 0)).state).toBe('closed');
  expect((await causeOf(world, 1)).facts).toHaveLength(1);
  expect(await answerOf(world, 1)).toMatchObject({ reason: 'paused' });
});

test('an answer names the policy under which it was given', async () => {
  const world = await planWorld({ mode: 'report-only' });
  await violating(world, 0);
  await wakeUp(world);
  const first = (await world.policies.current()).version;
  expect(await answerOf(world, 0)).toMatchObject({ reason: 'report-only', policyVersion: first });
  await setPolicy(world, { mode: 'report-only', caps: { concurrentRebuilds: 3 } });
  await wakeUp(world);
  const next = (await world.policies.current()).version;
  expect(next).not.toBe(first);
  expect(await answerOf(world, 0)).toMatchObject({ reason: 'report-only', policyVersion: next });
});

const PAUSED: KillSwitch = { rebuilding: 'paused', by: 'jo', atEpochMs: 1, reason: 'an incident' };

test('in any fleet a pause starts nothing, answers for every cause, and foretells each answer of the plan without it', () => {
  fc.assert(
    fc.property(anyFleet, anyContext, fc.boolean(), (fleet, drawn, isAfterReview) => {
      const context = { ...drawn, killSwitch: { ...PAUSED, rebuilding: 'active' as const } };
      const view = { ...inputOf(fleet), context, answeredCauses: [], isAfterReview };
      const active = planOf(view, NOW);
      const paused = planOf({ ...view, context: { ...context, killSwitch: PAUSED } }, NOW);
      expect([paused.cascade, paused.nodes]).toEqual([undefined, []]);
      expect([...paused.settled]).toEqual(isAfterReview ? [...active.settled] : []);
      for (const { cause } of view.streams) {
        const answer = paused.answers.get(cause.stream);
        const isGone = (paused.settled.get(cause.stream)?.length ?? 0) === cause.facts.length;
        expect(answer?.reason).toBe(isGone ? undefined : 'paused');
        if (!isGone) expect(answer?.afterPause).toEqual(active.answers.get(cause.stream));
      }
    }),
    { numRuns: 300 },
  );
});
