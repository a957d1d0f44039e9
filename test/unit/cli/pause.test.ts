import { stripVTControlCharacters } from 'node:util';
import { renderSwitch } from '../../../cli/acting/render-acting.ts';
import { pauseCommand, resumeCommand } from '../../../cli/commands/pause.ts';
import { planCommand } from '../../../cli/commands/plan.ts';
import { rebuildCommand } from '../../../cli/commands/rebuild.ts';
import { resetCommand } from '../../../cli/commands/reset.ts';
import { UsageError } from '../../../cli/errors.ts';
import { unreadableSwitch } from '../../../shared/domain/policy/kill-switch.ts';
import { cascade, deployment, lock, node, rebuild, STREAM } from '../../support/rebuild-samples.ts';
import { HOUR_MS, planWorld, streamOf, violating, wakeUp } from '../cascade-plan/support.ts';
import { ANA, cliContext, run, runJson } from './support.ts';

const reason = 'registry incident';

test('pause records who, when and why, and the planner starts nothing', async () => {
  const world = await planWorld();
  await violating(world);
  const { code, text } = await run(pauseCommand, cliContext(world), [], { reason });
  expect(code).toBe(0);
  expect(await world.killSwitch.read()).toEqual({ rebuilding: 'paused', by: ANA, atEpochMs: world.clock(), reason });
  expect(text).toContain(`rebuilding: paused since 2026-11-24 03:00 UTC (now), by ${ANA}: ${reason}`);
  expect(text).toContain('Nothing is being rebuilt or deployed.');

  await wakeUp(world);
  expect(world.executions.started).toEqual([]);
  await run(resumeCommand, cliContext(world));
  await wakeUp(world);
  expect(world.executions.started).toHaveLength(1);
});

test('a plan with assumptions states them first', async () => {
  const world = await planWorld();
  await world.killSwitch.set({ rebuilding: 'paused', by: 'jo', atEpochMs: world.clock(), reason });
  const { text } = await run(planCommand, cliContext(world), [], { resumed: true });
  expect(text).toMatch(/^as if Patchwave were not paused\n/);
});

test('resume prints what is active now', async () => {
  const world = await planWorld();
  await run(pauseCommand, cliContext(world), [], { reason });
  const { text } = await run(resumeCommand, cliContext(world), [], { reason: 'it is over' });
  expect(text).toBe(
    `rebuilding: active since 2026-11-24 03:00 UTC (now), resumed by ${ANA}: it is over\nThe planner plans waiting work at its next run, by default within 15 minutes (PlanMinutes). To see the result now: patchwave plan\nNothing is being rebuilt or deployed.\n`,
  );
});

test.each([
  [pauseCommand, 'paused'],
  [resumeCommand, 'active'],
] as const)('a repeated pause or resume keeps the first one: %#', async (command, rebuilding) => {
  const world = await planWorld();
  const first = { rebuilding, by: 'jo', atEpochMs: world.clock() - HOUR_MS, reason: 'the first' };
  await world.killSwitch.set(first);
  expect(await runJson(command, cliContext(world), [], { reason })).toMatchObject({
    changed: false,
    killSwitch: first,
  });
  expect(await world.killSwitch.read()).toEqual(first);
});

describe('a switch that cannot be read', () => {
  const problem = 'ledger item SWITCH / CURRENT: `reason` must be text, not a number';

  test('pause replaces it with the pause of a person', async () => {
    const world = await planWorld();
    await world.killSwitch.set(unreadableSwitch(problem));
    const { text } = await run(pauseCommand, cliContext(world), [], { reason });
    expect(text).toMatch(`rebuilding: paused since 2026-11-24 03:00 UTC (now), by ${ANA}: ${reason}\n`);
    expect(await world.killSwitch.read()).toMatchObject({ rebuilding: 'paused', by: ANA, reason });
  });

  test('resume replaces it, and Patchwave rebuilds again', async () => {
    const world = await planWorld();
    await world.killSwitch.set(unreadableSwitch(problem));
    await run(resumeCommand, cliContext(world));
    expect(await world.killSwitch.read()).toMatchObject({ rebuilding: 'active', by: ANA });
  });

  test('the line of the switch names the problem, and no person', () => {
    expect(stripVTControlCharacters(renderSwitch(unreadableSwitch(problem), 0))).toBe(
      `rebuilding: paused, because it cannot be read: ${problem}. To resume: patchwave resume`,
    );
  });
});

test.each([[{}], [{ reason: '  ' }]])('pause without a reason is a usage error: %j', async (flags) => {
  const world = await planWorld();
  await expect(run(pauseCommand, cliContext(world), [], flags)).rejects.toThrow(UsageError);
  expect((await world.killSwitch.read()).rebuilding).toBe('active');
});

test.each([
  ['pause', pauseCommand],
  ['resume', resumeCommand],
  ['reset', resetCommand],
  ['rebuild', rebuildCommand],
])('%s: an empty reason is refused before the installation is read', async (_, command) => {
  const context = () => Promise.reject(new Error('looked for the installation'));
  const asked = command.run(context, { positionals: ['stream'], flags: { reason: ' ' }, json: false });
  await expect(asked).rejects.toThrow(UsageError);
});

test('resume works without a reason and says so', async () => {
  const world = await planWorld();
  await world.killSwitch.set({ rebuilding: 'paused', by: 'jo', atEpochMs: 1, reason });
  await run(resumeCommand, cliContext(world));
  expect(await world.killSwitch.read()).toEqual({
    rebuilding: 'active',
    by: ANA,
    atEpochMs: world.clock(),
    reason: 'resumed',
  });
});

describe('shows work in progress', () => {
  const now = 1_795_489_200_000;
  test.each([
    ['reserved', {}],
    ['starting', { startingAtEpochMs: now }],
    ['running', { startingAtEpochMs: now, executionId: 'run-1' }],
    ['running', { executionId: 'run-1', build: { state: 'running' } }],
    ['waiting-approval', { executionId: 'run-1', build: { state: 'waiting-approval' } }],
    ['verifying', { executionId: 'run-1', build: { state: 'succeeded' } }],
  ] as const)('%s', async (state, changes) => {
    const world = await planWorld();
    await world.locks.take(lock('rebuild-1', { taskToken: 'secret-token' }));
    await world.rebuilds.record(STREAM, 'rebuild-1', () => rebuild('rebuild-1', changes));
    const output = await runJson(pauseCommand, cliContext(world), [], { reason });
    expect(output.running).toMatchObject({ rebuilds: [{ stream: STREAM, rebuildId: 'rebuild-1', state }] });
    expect(JSON.stringify(output)).not.toContain('secret-token');
  });

  test('a lock without a rebuild record is shown as unknown', async () => {
    const world = await planWorld();
    await world.locks.take(lock('rebuild-1'));
    const { text } = await run(pauseCommand, cliContext(world), [], { reason });
    expect(text).toMatch(/stream being rebuilt.*\n.*payments-api.*unknown/);
  });

  test('deployments in progress of open cascades', async () => {
    const world = await planWorld();
    await world.cascades.beginPlanning('other', { nowEpochMs: now, untilEpochMs: now + 1 });
    await world.cascades.write('other', cascade('abc-g1'), [node('abc-g1', streamOf(0))]);
    const states = ['starting', 'running', 'completed', 'failed', 'rolled-back', 'refused'] as const;
    for (const state of states) await world.rollouts.beginDeployment(deployment('abc-g1', state, { state }));
    const { running } = await runJson(pauseCommand, cliContext(world), [], { reason });
    expect(running).toMatchObject({ deployments: [{ state: 'running' }, { state: 'starting' }] });
  });
});
