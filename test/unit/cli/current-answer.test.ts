import { planCommand } from '../../../cli/commands/plan.ts';
import { statusCommand } from '../../../cli/commands/status.ts';
import { whyCommand } from '../../../cli/commands/why.ts';
import { digestOf } from '../../support/samples.ts';
import { HOUR_MS, type PlanWorld, planWorld, setPolicy, streamOf, violating, wakeUp } from '../cascade-plan/support.ts';
import { readOnlyContext, run, runJson } from './support.ts';

const pause = (world: PlanWorld, rebuilding: 'paused' | 'active' = 'paused') =>
  world.killSwitch.set({ rebuilding, by: 'jo', atEpochMs: world.clock(), reason: 'an incident' });
const status = async (world: PlanWorld) => (await run(statusCommand, readOnlyContext(world))).text;
const why = async (world: PlanWorld, n = 0) =>
  (await run(whyCommand, readOnlyContext(world), [digestOf(`app-${n}`)])).text;
const coolsDown = (world: PlanWorld, n: number) =>
  world.guards.change(streamOf(n), (history) => ({ ...history, lastEndedAtEpochMs: world.clock() }));

async function pausedBoth(): Promise<PlanWorld> {
  const world = await planWorld({ reportOnly: [0] });
  await violating(world, 0);
  await violating(world, 1);
  await coolsDown(world, 1);
  await pause(world);
  return world;
}

test('under a pause plan, status and why show what stands when it ends', async () => {
  const world = await pausedBoth();
  const both =
    /app-0:\S+ +1 +wait: paused; then refuse: report-only +- +jo paused Patchwave: an incident\. To resume: `patchwave resume`\. When the pause ends: The mode of this stream/;
  const cooling = /app-1:\S+ +1 +wait: paused; then wait: cool-down +2026-11-24 04:00 UTC \(in 1 hour\) /;
  const { text } = await run(planCommand, readOnlyContext(world), [], { tree: true });
  expect(text).toMatch(both);
  expect(text).toMatch(cooling);
  expect(text).toMatch(/^waits +\S+app-0\S+ +paused; then report-only$/m);
  await wakeUp(world);
  expect(await status(world)).toMatch(both);
  expect(await status(world)).toMatch(cooling);
  expect(await why(world)).toMatch(
    /\n {2}wait: paused; then refuse: report-only\. jo paused Patchwave: .* When the pause ends: The mode of this stream/,
  );
  expect(await why(world, 1)).toMatch(/When the pause ends: The last rebuild .* Next check 2026-11-24 04:00 UTC/);
  expect(await runJson(planCommand, readOnlyContext(world))).toMatchObject({
    held: [
      { answer: 'wait', reason: 'paused', afterPause: { answer: 'refuse', reason: 'report-only' } },
      { answer: 'wait', reason: 'paused', afterPause: { answer: 'wait', reason: 'cool-down' } },
    ],
  });
  expect(await runJson(statusCommand, readOnlyContext(world))).toMatchObject({
    causes: [{ answer: { reason: 'paused', afterPause: { reason: 'report-only' } } }, {}],
  });
});

test('a pause counts before the planner answers it, and the last pause counts', async () => {
  const world = await planWorld({ reportOnly: [0] });
  await violating(world, 0);
  await wakeUp(world);
  await violating(world, 1);
  await pause(world);
  expect(await why(world)).toMatch(/\n {2}wait: paused; then refuse: report-only\. jo paused Patchwave: an incident\./);
  expect(await why(world, 1)).toMatch(/\n {2}wait: paused\. jo paused Patchwave/);
  expect(await status(world)).toMatch(/app-1:\S+ +1 +wait: paused /);
  await wakeUp(world);
  await world.killSwitch.set({ rebuilding: 'paused', by: 'ann', atEpochMs: world.clock(), reason: 'a freeze' });
  expect(await why(world)).toMatch(/\n {2}wait: paused; then refuse: report-only\. ann paused Patchwave: a freeze\./);
  expect(await status(world)).not.toContain('jo paused');
});

test('once the pause was lifted, the answer below it stays', async () => {
  const world = await pausedBoth();
  await wakeUp(world);
  await pause(world, 'active');
  expect(await status(world)).toMatch(/app-0:\S+ +1 +refuse: report-only +- +The mode of this stream/);
  expect(await why(world)).toMatch(/\n {2}refuse: report-only\. The mode/);
});

test.each([
  ['report-only', 'enforce', /The planner has not evaluated it yet, or its last answer is over\./],
  ['paused', 'enforce', /The planner has not evaluated it yet, or its last answer is over\./],
  ['report-only', 'report-only', /\n {2}refuse: report-only\. The mode/],
] as const)('why of an answer of mode %s, after a policy with mode %s', async (mode, next, shown) => {
  const world = await planWorld({ mode });
  await violating(world);
  await wakeUp(world);
  await setPolicy(world, { mode: next, caps: { concurrentRebuilds: 3 } });
  expect(await why(world)).toMatch(shown);
  expect(await status(world)).not.toContain('by an earlier policy');
});

test('under a pause an answer of a mode that changed is over too', async () => {
  const world = await pausedBoth();
  await wakeUp(world);
  await setPolicy(world, {});
  expect(await why(world)).toMatch(/\n {2}wait: paused\. jo paused/);
  expect(await why(world)).not.toContain('report-only');
});

test('any other answer of an earlier policy is marked until the planner answers again', async () => {
  const world = await planWorld();
  await violating(world);
  await coolsDown(world, 0);
  await wakeUp(world);
  expect(await why(world)).toMatch(/\n {2}wait: cool-down\. The last rebuild/);
  await setPolicy(world, { caps: { concurrentRebuilds: 3 } });
  const marked = 'The policy has changed since; the planner answers again when it runs next (`PlanMinutes`).';
  expect(await why(world)).toMatch(/\n {2}wait: cool-down \(by an earlier policy\)\. The last rebuild/);
  expect(await why(world)).toContain(marked);
  expect(await status(world)).toMatch(/app-0:\S+ +1 +wait: cool-down \(by an earlier policy\) /);
  expect(await runJson(statusCommand, readOnlyContext(world))).toMatchObject({
    causes: [{ answer: { isOfEarlierPolicy: true } }],
  });
  world.advance(HOUR_MS / 2);
  await wakeUp(world);
  expect(await why(world)).not.toContain('earlier policy');
});

test('an answer of an earlier version of Patchwave names no policy, and is not marked', async () => {
  const world = await planWorld();
  await violating(world);
  const answer = { answer: 'wait', reason: 'cool-down', detail: 'Soon.' } as const;
  await world.causes.change(streamOf(0), (before) => before && { ...before, answer });
  expect(await why(world)).toContain('\n  wait: cool-down. Soon.');
});

test('a missing pipeline, or a missing rule, is over once the policy has it', async () => {
  const world = await planWorld();
  await violating(world);
  for (const reason of ['no-pipeline', 'not-in-policy']) {
    const answer = { answer: 'refuse', reason, detail: 'It has none.' } as const;
    await world.causes.change(streamOf(0), (before) => before && { ...before, answer });
    expect(await why(world)).toContain('or its last answer is over');
  }
});
