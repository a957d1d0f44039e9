import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { planCommand } from '../../../cli/commands/plan.ts';
import { UsageError } from '../../../cli/errors.ts';
import { type PlanNow, planNow } from '../../../cli/plan/plan-now.ts';
import { takeCause } from '../../../shared/domain/cause/cause.ts';
import { afterOutcome } from '../../../shared/domain/guard/rebuild-history.ts';
import type { Digest } from '../../../shared/domain/image/image.ts';
import { cascade, closure, node } from '../../support/rebuild-samples.ts';
import { digestOf, imageProperties, review } from '../../support/samples.ts';
import {
  causeOf,
  DAY_MS,
  fact,
  HOUR_MS,
  judge,
  lastStarted,
  locationOf,
  type PlanWorld,
  place,
  planWorld,
  push,
  pushed,
  reasonOf,
  setPolicy,
  stands,
  streamOf,
  tell,
  urgentFact,
  violating,
  wakeUp,
} from '../cascade-plan/support.ts';
import { readOnlyContext, run, runJson } from './support.ts';

/** A stream whose head is fixed while its old image still runs. */
async function toDeploy(world: PlanWorld, n: number): Promise<void> {
  const old = await pushed(world, n, `old-${n}`, { reasons: [reasonOf(fact())], inUse: true });
  const head = await pushed(world, n, `new-${n}`, { tags: [`v${n}.2`], reasons: [] });
  await world.streams.recordStream(
    {
      ...{ stream: streamOf(n), tier: 'application', owner: 'payments', headTag: '^v.*$' },
      location: { account: '111122223333', region: 'eu-west-1', repository: `team/app-${n}` },
      head: { images: { 'linux/arm64': head } },
    },
    undefined,
  );
  await tell(world, n, fact());
  expect(old).not.toBe(head);
}

/** An image that a task runs; its repository was not listed, so the head of its stream is unknown. */
async function running(world: PlanWorld, n: number): Promise<Digest> {
  const digest = digestOf(`app-${n}`);
  const pushedAtEpochMs = world.clock() - 10 * DAY_MS;
  push(world, n, `app-${n}`, { tags: ['v1'], pushedAtEpochMs });
  await world.images.recordProperties({
    ...imageProperties('app', { locations: [locationOf(n)] }),
    ...{ digest, tier: 'application', stream: streamOf(n), owner: 'payments', platform: 'linux/arm64' },
  });
  await world.images.recordPresence(digest, { inUse: true });
  await place(world, [digest]);
  await world.streamImages.record(streamOf(n), { digest, pushedAtEpochMs });
  return digest;
}

const fails = (world: PlanWorld, n: number, times: number) =>
  world.guards.change(streamOf(n), (before) => {
    let history = before;
    for (let at = 0; at < times; at += 1) {
      history = afterOutcome(history, {
        rebuild: { rebuildId: `rebuild-${at}`, cascadeId: `cascade-g${at}`, facts: [] },
        outcome: { result: 'failed', reason: 'the build failed' },
        atEpochMs: world.clock() - DAY_MS,
      });
    }
    return history;
  });

test('the planner then creates the shown cascade, work and answers', async () => {
  const world = await planWorld();
  await violating(world, 0);
  await toDeploy(world, 1);
  await violating(world, 2);
  await fails(world, 2, 3);

  const plan = await planNow(readOnlyContext(world));
  await wakeUp(world);

  const { cascade: started, nodes } = await lastStarted(world);
  expect(plan.cascadeId).toBe(started.cascadeId);
  expect(plan.planned.map(({ stream, work }) => [stream, work])).toEqual([
    [streamOf(0), 'rebuild'],
    [streamOf(1), 'deploy'],
  ]);
  expect(
    plan.planned.map(({ stream, work, facts: imageProperties, holders }) => ({
      stream,
      work,
      facts: imageProperties,
      holders,
    })),
  ).toEqual(
    nodes.map(({ stream, work, facts: imageProperties, holders }) => ({
      stream,
      work,
      facts: imageProperties,
      holders,
    })),
  );
  const { stream, facts: _, ...answer } = plan.held[0] ?? { stream: 'none' };
  expect(stream).toBe(streamOf(2));
  const { version: policyVersion } = await world.policies.current();
  expect({ ...answer, policyVersion }).toEqual((await causeOf(world, 2)).answer);
  expect(answer).toMatchObject({ answer: 'refuse', reason: 'attempts-exhausted' });
});

/** A base at fault, and two applications that are built on it. */
async function tiered(): Promise<PlanWorld> {
  const world = await planWorld({ tiers: ['base'] });
  const base = await violating(world, 0);
  for (const n of [1, 2]) stands(world, await violating(world, n), base);
  return world;
}

describe('base with a cause', () => {
  test('is shown with its descendants, as the planner plans it', async () => {
    const world = await tiered();
    const plan = await planNow(readOnlyContext(world));
    await wakeUp(world);
    const { cascade: started, nodes } = await lastStarted(world);
    expect(plan.cascadeId).toBe(started.cascadeId);
    expect(plan.planned.map(({ stream, wave, parents }) => ({ stream, wave, parents }))).toEqual(
      nodes.map(({ stream, wave, parents = [] }) => ({ stream, wave, parents })),
    );
    expect(plan.planned.map(({ wave }) => wave)).toEqual([0, 1, 1]);
  });

  test('comes first in the table, which names the streams waiting for it', async () => {
    const { text } = await run(planCommand, readOnlyContext(await tiered()));
    const rows = text.split('\n').filter((line) => line.includes('team/app-'));
    expect(text).toMatch(
      /^expected: up to 360 min in 2 waves, 3 builds, 3 of them for streams without earlier builds; /m,
    );
    expect(text).toMatch(/^ +2 +2 +2 +2 +up to 180 min +-$/m);
    expect(rows[0]).toMatch(/app-0.* rebuild +1 .* -$/);
    expect(rows[1]).toMatch(/app-1.* rebuild +2 .* \S*app-0:\S+$/);
    expect(rows[2]).toMatch(/app-2.* rebuild +2 .* \S*app-0:\S+$/);
  });

  test('a plan of independent streams shows no waves', async () => {
    const world = await planWorld();
    await violating(world);
    expect((await run(planCommand, readOnlyContext(world))).text).not.toMatch(/\bwaves?\b/);
  });
});

test('a cause left taken by an ended cascade is planned, and nothing is written', async () => {
  const world = await planWorld();
  await violating(world);
  await world.causes.change(streamOf(0), (cause) => cause && takeCause(cause, 'dead-g1', cause.version));

  expect((await planNow(readOnlyContext(world))).planned).toMatchObject([{ stream: streamOf(0), work: 'rebuild' }]);
  expect(await causeOf(world)).toMatchObject({ state: 'taken', takenBy: { cascadeId: 'dead-g1' } });
});

test('unrecorded application head: the running image counts, and the plan says so', async () => {
  const world = await planWorld();
  await judge(world, await running(world, 0), [reasonOf(fact())]);
  await tell(world, 0, fact(), fact({ vulnerability: 'CVE-2020-1' }));
  const plan = await planNow(readOnlyContext(world));
  expect(plan.planned).toMatchObject([{ stream: streamOf(0), work: 'rebuild', facts: [fact()], headUnknown: true }]);
  expect(plan.settled).toEqual([]);
  expect((await run(planCommand, readOnlyContext(world))).text).toContain('Head unknown');
  await wakeUp(world);
  expect(world.executions.started).toEqual([plan.cascadeId]);
});

test('without a running image with the cause, the plan is undetermined', async () => {
  const world = await planWorld();
  await running(world, 0);
  await tell(world, 0, fact());
  expect(await planNow(readOnlyContext(world))).toMatchObject({ planned: [], held: [{ reason: 'unknown-facts' }] });
});

test('while a review runs, streams that are not urgent are on hold until its end', async () => {
  const world = await planWorld();
  await violating(world, 0);
  await violating(world, 1, urgentFact);
  await world.runs.begin(
    review('running', { startedAtEpochMs: world.clock(), leaseUntilEpochMs: world.clock() + HOUR_MS }),
  );

  const plan = await planNow(readOnlyContext(world));
  expect(plan.reviewRunning).toBe(true);
  expect(plan.planned.map(({ stream }) => stream)).toEqual([streamOf(1)]);
  expect(plan.held).toMatchObject([{ stream: streamOf(0), answer: 'wait', reason: 'review-running' }]);
});

test('facts that no image has are shown as settled, not on hold', async () => {
  const world = await planWorld();
  await pushed(world, 0, 'clean', { tags: ['v1'], reasons: [] });
  await world.streams.recordStream(
    {
      ...{ stream: streamOf(0), tier: 'application', owner: 'payments', headTag: '^v.*$' },
      location: { account: '111122223333', region: 'eu-west-1', repository: 'team/app-0' },
      head: { images: { 'linux/arm64': digestOf('clean') } },
    },
    undefined,
  );
  await tell(world, 0, fact());
  expect(await planNow(readOnlyContext(world))).toMatchObject({
    planned: [],
    held: [],
    settled: [{ stream: streamOf(0), facts: [fact()] }],
  });
});

test.each([
  [{ mode: 'report-only' }, 'refuse', 'report-only'],
  [{ mode: 'paused' }, 'wait', 'paused'],
  [{ caps: { ramp: 1 } }, 'wait', 'cap-reached'],
] as const)('under %j the other stream is on hold', async (changes, answer, reason) => {
  const world = await planWorld();
  await violating(world, 0);
  await violating(world, 1);
  await setPolicy(world, changes);
  expect((await planNow(readOnlyContext(world))).held.at(-1)).toMatchObject({ stream: streamOf(1), answer, reason });
});

test('a rebuild is unguarded if its pipeline moves the tag; a deployment is not', async () => {
  const world = await planWorld();
  await violating(world, 0);
  await toDeploy(world, 1);
  expect((await planNow(readOnlyContext(world))).planned.map(({ unguarded }) => unguarded)).toEqual([true, false]);

  const { policy, version } = await world.policies.current();
  const guarded = policy.streams.map((rule) => ({ ...rule, promotes: true }));
  await world.policies.publish({ ...policy, streams: guarded }, { replaces: version });
  expect((await planNow(readOnlyContext(world))).planned.map(({ unguarded }) => unguarded)).toEqual([false, false]);
});

test('the page shows every section, aligned', async () => {
  const world = await planWorld();
  const now = world.clock();
  await violating(world, 0, fact(), fact({ vulnerability: 'CVE-2026-9' }));
  await violating(world, 1);
  await fails(world, 1, 3);
  const done = { outcome: { result: 'ineffective', left: [fact()] } } as const;
  await world.cascades.beginPlanning('other', { nowEpochMs: now, untilEpochMs: now + 1 });
  await world.cascades.write('other', cascade('abc-g1', { plannedAtEpochMs: now - HOUR_MS, streams: 2 }), [
    node('abc-g1', streamOf(3), { state: 'building', rebuildId: '20261124T020000Z-0123456789ab' }),
    node('abc-g1', streamOf(4), { state: 'ineffective', ...done }),
  ]);
  await world.cascades.endPlanning('other');
  const waitingFor =
    'these workloads still run an image that needs the fix: ecs-service 111122223333/eu-west-1/prod/app-5. Deploy images with the fix, or stop them. To see what an image waits for: patchwave why IMAGE';
  await world.rollouts.openClosure(closure('abc-g1', streamOf(5), { deadlineEpochMs: now - HOUR_MS, waitingFor }));

  const { code, text } = await run(planCommand, readOnlyContext(world));
  const lines = text.split('\n');
  expect(code).toBe(0);
  expect(lines.slice(0, 2)).toEqual([
    '1 stream to rebuild, 0 to deploy, 1 on hold; 1 cascade in progress, 1 closure open',
    'expected: up to 180 min, 1 build, 1 of them for streams without earlier builds; reaches no running workload',
  ]);
  const titles = lines.map((line) => line.split('  ')[0]).filter((start) => start?.endsWith('stream'));
  expect(titles).toHaveLength(4);
  for (const expected of [
    `${streamOf(0)}  rebuild  up to 180 min  -       critical  2026-11-23 03:00 UTC  1 image   CVE-2026-1 in openssl 3.0.1 and 1 more`,
    'rebuilding: active (never paused)',
    `${streamOf(4)}  rebuild  ineffective  -                              -       ineffective: the new image still has CVE-2026-1 in openssl 3.0.1`,
    waitingFor,
    'refuse: attempts-exhausted',
    'Unguarded: their pipelines move the tag before Patchwave has verified the image',
  ])
    expect(text).toContain(expected);
  expect(text).not.toMatch(/[ \t]\n|undefined|NaN|\[object/);
});

test('with --json it is one document', async () => {
  const world = await planWorld();
  await violating(world);
  const plan = await planNow(readOnlyContext(world));
  const shown = { ...plan, oldParents: [], oldParentUnknown: 0 };
  expect(await runJson(planCommand, readOnlyContext(world))).toEqual(JSON.parse(JSON.stringify(shown)));
});

test('--policy and --resumed show what would be done while the policy in force does nothing', async () => {
  const world = await planWorld({ mode: 'report-only' });
  await violating(world);
  await world.killSwitch.set({ rebuilding: 'paused', by: 'jo', atEpochMs: 1, reason: 'an incident' });
  const { policy } = await world.policies.current();
  const directory = mkdtempSync(join(tmpdir(), 'plan-'));
  const file = join(directory, 'policy.json');
  writeFileSync(file, JSON.stringify({ ...policy, mode: 'enforce' }));
  const planned = async (flags: Record<string, string | boolean>) => {
    const { text } = await run(planCommand, readOnlyContext(world), [], { ...flags, json: true });
    return JSON.parse(text) as PlanNow;
  };
  try {
    expect((await planned({ policy: file, resumed: true })).planned).toMatchObject([{ stream: streamOf(0) }]);
    expect((await planned({ policy: file })).held).toMatchObject([{ reason: 'paused' }]);
    expect((await planned({ resumed: true })).held).toMatchObject([{ reason: 'report-only' }]);
    await expect(planned({ policy: join(directory, 'none.json') })).rejects.toThrow(UsageError);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('no line is wider than the terminal, the cost included', async () => {
  const world = await planWorld();
  await violating(world);
  const before = { isTTY: process.stdout.isTTY, columns: process.stdout.columns };
  Object.assign(process.stdout, { isTTY: true, columns: 80 });
  try {
    const { text } = await run(planCommand, readOnlyContext(world));
    expect(text).toContain('total build time');
    const lines = stripVTControlCharacters(text).split('\n');
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
  } finally {
    Object.assign(process.stdout, before);
  }
});
