import { statusCommand } from '../../../cli/commands/status.ts';
import { cascade, closure, deployment, node } from '../../support/rebuild-samples.ts';
import { review } from '../../support/samples.ts';
import {
  fact,
  HOUR_MS,
  type PlanWorld,
  planWorld,
  setPolicy,
  streamOf,
  tell,
  violating,
  wakeUp,
} from '../cascade-plan/support.ts';
import { readOnlyContext, run, runJson } from './support.ts';

async function acting(): Promise<PlanWorld> {
  const world = await planWorld();
  const now = world.clock();
  await violating(world, 0);
  await setPolicy(world, { mode: 'report-only' });
  await wakeUp(world);
  await violating(world, 1);
  await world.killSwitch.set({ rebuilding: 'paused', by: 'jo', atEpochMs: now - HOUR_MS, reason: 'an incident' });
  await world.cascades.beginPlanning('other', { nowEpochMs: now, untilEpochMs: now + 1 });
  await world.cascades.write('other', cascade('abc-g1'), [node('abc-g1', streamOf(3), { state: 'verified' })]);
  await world.cascades.endPlanning('other');
  const service = '111122223333/eu-west-1/prod/app-3';
  await world.rollouts.beginDeployment(
    deployment('abc-g1', service, { state: 'rolled-back', detail: 'tasks did not start' }),
  );
  await world.rollouts.openClosure(closure('abc-g1', streamOf(3)));
  return world;
}

test('status shows the switch, each open cause with its answer, cascades, deployments and closures', async () => {
  const { code, text } = await run(statusCommand, readOnlyContext(await acting()));
  expect(code).toBe(0);
  expect(text).toContain('kill switch: paused since 2026-11-24 02:00 UTC (1 hour ago), by jo: an incident');
  expect(text).toContain('2 open causes, 0 taken by cascades, 1 open closure\n');
  expect(text).toMatch(/team\/app-0:\S+ +1 +refuse: report-only +- +The mode of this stream/);
  expect(text).toMatch(/team\/app-1:\S+ +1 +waiting for the planner/);
  expect(text).toContain('cascade abc-g1: planned, 1 stream');
  expect(text).toMatch(/prod\/app-3 +restart +rolled-back +- +tasks did not start/);
  expect(text).toContain('no review has checked it yet; the next one does');
  expect(text).not.toMatch(/[ \t]\n|undefined|NaN/);
});

test('with --json all of it is in one document', async () => {
  const output = await runJson(statusCommand, readOnlyContext(await acting()));
  expect(output).toMatchObject({
    ...{ ended: null, running: null, scopes: [] },
    killSwitch: { rebuilding: 'paused', by: 'jo' },
    causes: [{ stream: streamOf(0), answer: { reason: 'report-only' } }, { stream: streamOf(1) }],
    cascades: [{ cascadeId: 'abc-g1', nodes: [{ stream: streamOf(3) }], deployments: [{ state: 'rolled-back' }] }],
    closures: [{ stream: streamOf(3), state: 'open' }],
  });
});

test('many causes: the first ones and the number of others', async () => {
  const world = await planWorld();
  for (let n = 0; n < 25; n += 1) await tell(world, n, fact());
  const { text } = await run(statusCommand, readOnlyContext(world));
  expect(text.match(/waiting for the planner/g)).toHaveLength(20);
  expect(text).toContain('and 5 more: --json lists all');
});

test('before the first review it shows the next step', async () => {
  const { text } = await run(statusCommand, readOnlyContext(await planWorld()));
  expect(text).toBe(
    'No review has ended yet. Start one with: patchwave review\n\nkill switch: not paused (never paused)\n0 open causes, 0 taken by cascades, 0 open closures\n',
  );
});

test('a review of some scopes does not count as a fleet review', async () => {
  const world = await planWorld();
  const scopeKey = '111122223333/eu-west-1';
  await world.runs.begin(review('run', { scopeKey, startedAtEpochMs: world.clock() }));
  expect((await run(statusCommand, readOnlyContext(world))).text).toContain(`review run of ${scopeKey} only: running`);
});

test.each([
  ['succeeded', 0],
  ['failed', 1],
] as const)('with --exit-code a review that %s ends with %d', async (state, code) => {
  const world = await planWorld();
  await world.runs.begin(review('run', { startedAtEpochMs: world.clock() }));
  await world.runs.finish(review('run', { state, endedAtEpochMs: world.clock() }));
  expect((await run(statusCommand, readOnlyContext(world), [], { 'exit-code': true })).code).toBe(code);
});

test('an item of the ledger that cannot be read is named', async () => {
  const unreadable = { item: 'STREAM#web / OPEN', stream: 'web', problem: '`executionArn` must be text, not a number' };
  const context = { ...readOnlyContext(await acting()), unreadable: { items: () => [unreadable], clear: () => {} } };
  const { text } = await run(statusCommand, context);
  expect(text).toContain('Unreadable ledger items. Correct or delete these items');
  expect(text).toContain('STREAM#web / OPEN: `executionArn` must be text, not a number');
});
