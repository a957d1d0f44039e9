import { stripVTControlCharacters } from 'node:util';
import { statusCommand } from '../../../cli/commands/status.ts';
import { doorsSchema } from '../../../shared/domain/policy/doors.ts';
import type { ReviewRecord } from '../../../shared/domain/review/run.ts';
import * as v from '../../../shared/schema.ts';
import { cascade, closure, deployment, node } from '../../support/rebuild-samples.ts';
import { digestOf, review } from '../../support/samples.ts';
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
  const world = await acting();
  const { code, text } = await run(statusCommand, readOnlyContext(world));
  expect(code).toBe(0);
  expect(text).toContain('rebuilding: paused since 2026-11-24 02:00 UTC (1 hour ago), by jo: an incident');
  expect(text).toContain('2 open causes, 0 taken by cascades, 1 open closure\n');
  expect(text).toMatch(/team\/app-0:\S+ +1 +wait: paused; then refuse: report-only +- +jo paused Patchwave/);
  expect(text).toMatch(/team\/app-1:\S+ +1 +wait: paused +- +jo paused Patchwave/);
  expect(text).toContain('cascade abc-g1: planned, 1 stream');
  expect(text).toMatch(/prod\/app-3 +restart +rolled-back +- +tasks did not start/);
  expect(text).toContain('no review has checked it yet; the next one does');
  expect(text).not.toMatch(/[ \t]\n|undefined|NaN/);
  await world.killSwitch.set({ rebuilding: 'active', by: 'jo', atEpochMs: world.clock(), reason: 'resumed' });
  expect((await run(statusCommand, readOnlyContext(world))).text).toMatch(
    /team\/app-1:\S+ +1 +waiting for the planner/,
  );
});

test('no line is wider than the terminal', async () => {
  const world = await acting();
  const totals = {
    scopes: { complete: 30_000, skipped: 1000, failed: 1000, left: 1000 },
    inventory: { tasks: 100_000, containers: 200_000, unresolved: 1000, possible: 3000 },
    possible: { found: 2000, outcomes: { compliant: 1900, violating: 90, unknown: 10, failed: 0 } },
    ...{
      found: 10_000,
      compliantCovers: { os: 4000, language: 5000 },
      outcomes: {
        compliant: 9000,
        violating: 900,
        unknown: 90,
        failed: 10,
      },
    },
    ancestors: { found: 1000, outcomes: { compliant: 900, violating: 90, unknown: 10, failed: 0 } },
  };
  const ended = { scopeKey: 'fleet', totals, startedAtEpochMs: world.clock() } as Partial<ReviewRecord>;
  await world.runs.begin(review('run', ended));
  await world.runs.finish(review('run', { ...ended, state: 'succeeded', endedAtEpochMs: world.clock() }));
  const before = { isTTY: process.stdout.isTTY, columns: process.stdout.columns };
  Object.assign(process.stdout, { isTTY: true, columns: 80 });
  try {
    const { text } = await run(statusCommand, readOnlyContext(world));
    expect(text).toContain('30000 complete');
    expect(stripVTControlCharacters(text).replaceAll(/\s+/g, ' ')).toContain(
      'verdicts 4000 compliant (os), 5000 compliant (os, language), 900 violating',
    );
    expect(stripVTControlCharacters(text).replaceAll(/\s+/g, ' ')).toContain(
      'may start 2000 images not running (3000 workloads without a pod, and what ran within the grace of the doors): 1900 compliant (coverage unknown)',
    );
    const lines = stripVTControlCharacters(text).split('\n');
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
  } finally {
    Object.assign(process.stdout, before);
  }
});

test('with --json all of it is in one document', async () => {
  const output = await runJson(statusCommand, readOnlyContext(await acting()));
  expect(output).toMatchObject({
    ...{ ended: null, running: null, scopes: [] },
    killSwitch: { rebuilding: 'paused', by: 'jo' },
    causes: [
      { stream: streamOf(0), answer: { reason: 'paused', afterPause: { reason: 'report-only' } } },
      { stream: streamOf(1) },
    ],
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
    'No review of the fleet has ended yet. Start one with: patchwave review\n\nrebuilding: active (never paused)\n0 open causes, 0 taken by cascades, 0 open closures\n',
  );
});

test('a review of some scopes does not count as a fleet review', async () => {
  const world = await planWorld();
  const scopeKey = '111122223333/eu-west-1';
  await world.runs.begin(review('run', { scopeKey, startedAtEpochMs: world.clock() }));
  expect((await run(statusCommand, readOnlyContext(world))).text).toContain(`review run of ${scopeKey} only: running`);
});

test('a review of some scopes is shown beside that of the fleet, and never in its place', async () => {
  const world = await planWorld();
  const end = async (runId: string, atEpochMs: number, changes: Parameters<typeof review>[1] = {}) => {
    await world.runs.begin(review(runId, { startedAtEpochMs: atEpochMs, ...changes }));
    await world.runs.finish(review(runId, { startedAtEpochMs: atEpochMs, endedAtEpochMs: atEpochMs, ...changes }));
  };
  const scopeKey = '111122223333/eu-west-1';
  await end('part-1', world.clock(), { state: 'succeeded', scopeKey });
  const context = readOnlyContext(world);
  expect((await run(statusCommand, context)).text).toMatch(
    /^No review of the fleet has ended yet.*\nreview part-1 of 111122223333\/eu-west-1 only: succeeded /,
  );
  expect((await run(statusCommand, context, [], { 'exit-code': true })).code).toBe(1);
  await end('fleet', world.clock() + 1, { state: 'failed', failure: { error: 'X', detail: 'y' } });
  await end('part-2', world.clock() + 2, { state: 'succeeded', scopeKey });
  const { text, code } = await run(statusCommand, context, [], { 'exit-code': true });
  expect([text, code]).toEqual([
    expect.stringMatching(
      /^review fleet: failed .*\n {2}X: y\nreview part-2 of 111122223333\/eu-west-1 only: succeeded /,
    ),
    1,
  ]);
  expect(await runJson(statusCommand, context)).toMatchObject({
    ended: { runId: 'fleet' },
    partial: { runId: 'part-2' },
  });
  await end('next', world.clock() + 3, { state: 'succeeded' });
  expect(await runJson(statusCommand, context)).toMatchObject({ ended: { runId: 'next' }, partial: null });
});

test('scopes that left, or that the policy no longer lists, leave the status unless closures wait for them', async () => {
  const world = await planWorld();
  const at = world.clock();
  const here = { account: '111122223333', region: 'eu-west-1' };
  const dropped = { account: '444455556666', region: 'eu-west-1' };
  await setPolicy(world, { scopes: [{ account: here.account, regions: [here.region] }] });
  const records = [
    { scope: here, completeAtEpochMs: at },
    { scope: { ...here, eksCluster: 'blue' }, completeAtEpochMs: at },
    { scope: dropped, completeAtEpochMs: at },
    { scope: { ...here, region: 'eu-west-2' }, left: { atEpochMs: at, usages: 0 } },
    { scope: { ...here, region: 'eu-west-3' }, left: { atEpochMs: at, usages: 2 } },
  ];
  for (const record of records) await world.scopes.record(record);
  const { text } = await run(statusCommand, readOnlyContext(world));
  expect(text).toMatch(/111122223333 +eu-west-1 +blue +complete/);
  expect(text).toMatch(/111122223333 +eu-west-3 +- +left .*patchwave confirm-left/);
  expect(text).not.toMatch(/444455556666|eu-west-2/);
  expect(text).toContain('2 scopes left the fleet or the policy, and nothing waits for them: --json lists all');
  const { scopes, leftScopes } = await runJson(statusCommand, readOnlyContext(world));
  expect(scopes).toHaveLength(3);
  expect(leftScopes).toMatchObject([{ scope: { region: 'eu-west-2' } }, { scope: dropped }]);
});

test.each<[what: string, mode: 'enforce' | 'report-only' | 'paused', isResumed: boolean, shown: RegExp]>([
  ['a pause that goes on', 'enforce', false, /app-0:\S+ +1 +wait: paused/],
  ['a pause that was lifted', 'enforce', true, /app-0:\S+ +1 +waiting for the planner/],
  ['a mode that is still so', 'paused', true, /app-0:\S+ +1 +wait: paused/],
  ['a mode that was changed', 'report-only', true, /app-0:\S+ +1 +waiting for the planner/],
])("the planner's answer of %s", async (_, mode, isResumed, shown) => {
  const world = await planWorld();
  await violating(world, 0);
  const isOfMode = mode !== 'enforce';
  const pause = { by: 'jo', atEpochMs: world.clock(), reason: 'an incident' };
  if (isOfMode) await setPolicy(world, { mode: 'paused' });
  else await world.killSwitch.set({ rebuilding: 'paused', ...pause });
  await wakeUp(world);
  if (isResumed) await world.killSwitch.set({ rebuilding: 'active', ...pause });
  if (isOfMode) await setPolicy(world, { mode });
  const { text } = await run(statusCommand, readOnlyContext(world));
  expect(text).toMatch(shown);
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

test('status counts what a door will refuse soon, and --json lists it', async () => {
  const world = await planWorld();
  const place = { account: '111122223333', region: 'eu-west-1', cluster: 'prod', namespace: 'shop' };
  const denial = (name: string, hours: number) => ({
    ...{ place, digest: digestOf(name), workloads: ['eks-deployment shop/web'], workloadCount: 1, ruleId: 'age-limit' },
    ...{ message: 'm', deniedFromEpochMs: world.clock() + hours * HOUR_MS, foundAtEpochMs: 1 },
  });
  const none = await run(statusCommand, readOnlyContext(world));
  expect(none.text).not.toContain('door');
  await world.denials.replace([denial('a', 48), denial('b', 24), denial('c', -1)]);
  const { text } = await run(statusCommand, readOnlyContext(world));
  expect(text).toContain(
    '2 images will be refused by a door within 5 days, the first at 2026-11-25 03:00 UTC. 1 image',
  );
  expect(text).toContain('See: patchwave doors check\n');
  const { expectedDenials } = await runJson(statusCommand, readOnlyContext(world));
  expect(expectedDenials).toMatchObject(['c', 'b', 'a'].map((name) => ({ digest: digestOf(name) })));
});

test('shows what the doors do, and each break-glass that is open', async () => {
  const world = await planWorld();
  const place = { account: '111122223333', region: 'eu-west-1', cluster: 'prod', namespace: 'shop' };
  const none = await run(statusCommand, readOnlyContext(world));
  expect(none.text).not.toMatch(/doors|Break-glass/);
  expect(await runJson(statusCommand, readOnlyContext(world))).toMatchObject({ doors: null, breakGlasses: [] });
  const deny = { mode: 'deny' as const };
  const doors = v.parse(doorsSchema, { mode: 'warn', rules: [deny, deny, { mode: 'off', clusters: ['dev-*'] }] });
  const { policy, version: replaces } = await world.policies.current();
  await world.policies.publish({ ...policy, doors }, { replaces });
  const now = world.clock();
  const open = (namespace: string, author: string, hours: number) =>
    world.exceptions.begin(
      { ...place, namespace },
      { author, reason: 'incident 7', expiresAtEpochMs: now + hours * HOUR_MS },
      { uid: namespace, user: 'sso:ada', atEpochMs: now },
    );
  await open('shop', 'Ada', 3);
  await open('jobs', 'Grace\u001b[2J', 2);
  await open('over', 'Bob', 0);
  const { text } = await run(statusCommand, readOnlyContext(world));
  expect(text).toContain('\ndoors: warn where no rule applies; 2 rules deny, 1 rule is off\n');
  expect(text).toMatch(
    /may start there\ncluster or namespace .*\n\S+\/prod\/jobs +2026-11-24 05:00 UTC +Grace\\u001b\[2J +sso:ada +incident 7\n\S+\/prod\/shop +2026-11-24 06:00 UTC +Ada /,
  );
  expect(text).not.toContain('Bob');
  expect(await runJson(statusCommand, readOnlyContext(world))).toMatchObject({
    doors: { mode: 'warn', rules: { deny: 2, warn: 0, off: 1 } },
    breakGlasses: [{ place: { namespace: 'jobs' } }, { place, author: 'Ada', by: 'sso:ada', reason: 'incident 7' }],
  });
});
