import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { planCommand } from '../../../cli/commands/plan.ts';
import { UsageError } from '../../../cli/errors.ts';
import { planNow } from '../../../cli/plan/plan-now.ts';
import { renderPlan } from '../../../cli/plan/render-plan.ts';
import type { Digest } from '../../../shared/domain/image/image.ts';
import type { Usage } from '../../../shared/domain/image/usage.ts';
import type { StreamRecord } from '../../../shared/domain/stream/stream-record.ts';
import { rebuild } from '../../support/rebuild-samples.ts';
import { elementsOf, parseXml } from '../../support/xml.ts';
import {
  fact,
  MINUTE_MS,
  type PlanWorld,
  planWorld,
  pushed,
  reasonOf,
  stands,
  streamOf,
  tell,
  violating,
} from '../cascade-plan/support.ts';
import { readOnlyContext, run, runJson } from './support.ts';

/** A base at fault with two applications on it, and one that has nothing to do with it. */
async function fleet(): Promise<PlanWorld> {
  const world = await planWorld({ tiers: ['base'] });
  const base = await violating(world, 0);
  for (const n of [1, 2]) {
    const app = await violating(world, n);
    stands(world, app, base);
    await runs(world, app, `service-${n}`);
  }
  await pushed(world, 3, 'app-3', { tags: ['v3.1'], reasons: [] });
  return world;
}

async function runs(
  world: PlanWorld,
  digest: Digest,
  workload: string,
  account = '111122223333',
  changes: Partial<Usage> = {},
): Promise<void> {
  const usage: Usage = {
    ...{ account, region: 'eu-west-1', cluster: 'prod', workloadKind: 'ecs-service', workload, container: 'main' },
    ...{ digest, digestSource: 'runtime', count: 1 },
    ...changes,
  };
  await world.usages.record([usage], world.clock());
}

/** The stream was built and verified before, so many minutes each. */
async function took(world: PlanWorld, n: number, build: number, verification: number): Promise<void> {
  const startingAtEpochMs = world.clock() - 300 * MINUTE_MS;
  const verifyingSinceEpochMs = startingAtEpochMs + build * MINUTE_MS;
  const endedAtEpochMs = verifyingSinceEpochMs + verification * MINUTE_MS;
  const ended = { startingAtEpochMs, verifyingSinceEpochMs, endedAtEpochMs, outcome: { result: 'fixed' } } as const;
  await world.rebuilds.record(streamOf(n), 'r1', () => rebuild('r1', { stream: streamOf(n), ...ended }));
}

describe('forecast of a plan', () => {
  test('is based on stream history and on usages of replaced images', async () => {
    const world = await fleet();
    await took(world, 0, 10, 2);
    await took(world, 1, 5, 1);
    const { planned, forecast, cost } = await planNow(readOnlyContext(world));
    expect(planned.map(({ stream, expected, workloads }) => [stream, expected?.atMostMs, workloads])).toEqual([
      [streamOf(0), 12 * MINUTE_MS, []],
      [streamOf(1), 6 * MINUTE_MS, ['ecs-service 111122223333/eu-west-1/prod/service-1']],
      [streamOf(2), 180 * MINUTE_MS, ['ecs-service 111122223333/eu-west-1/prod/service-2']],
    ]);
    expect(forecast).toMatchObject({ builds: 3, withoutHistory: 1, workloads: 2, accounts: 1 });
    expect(forecast.waves).toMatchObject([
      { wave: 0, builds: 1, atLeastMs: 12 * MINUTE_MS, atMostMs: 12 * MINUTE_MS },
      { wave: 1, builds: 2, atLeastMs: 6 * MINUTE_MS, atMostMs: 180 * MINUTE_MS, workloads: 2 },
    ]);
    expect(forecast.building).toEqual({ atLeastMs: 15 * MINUTE_MS, atMostMs: 75 * MINUTE_MS });
    expect(cost.builds['general1.small']?.atMostUsd).toBeCloseTo(75 * 0.005);
    expect(cost.transitions).toBe(7 + 2 + 3 * 14);
  });

  test('is shown in head and table, with cost', async () => {
    const world = await fleet();
    for (const n of [0, 1, 2]) await took(world, n, 10 + n, 2);
    const { text } = await run(planCommand, readOnlyContext(world));
    expect(text).toMatch(/^expected: 26 min in 2 waves, 3 builds; reaches 2 workloads in 1 account$/m);
    expect(text).toMatch(/app-2:\S+ +rebuild +2 +14 min +1 workload in 1 account +critical/);
    expect(text).toMatch(/^ +2 +2 +2 +0 +14 min +2 workloads in 1 account$/m);
    expect(text).toContain(
      'total build time 33 min; CodeBuild in the pipeline accounts costs USD 0.112 on arm1.small, or USD 0.165 on general1.small',
    );
    expect(text).toContain(
      'Patchwave itself: at least 51 state transitions, USD 0.001; functions and requests cost extra',
    );
  });

  test('an older image without the fact is kept and its users are not counted', async () => {
    const world = await planWorld();
    const head = await violating(world, 0);
    await runs(world, head, 'shop');
    const clean = await pushed(world, 0, 'older', { tags: ['v0.0'], reasons: [], inUse: true, pushedAtEpochMs: 1 });
    await runs(world, clean, 'archive', '444455556666');
    const [work] = (await planNow(readOnlyContext(world))).planned;
    expect(work).toMatchObject({
      accounts: ['111122223333'],
      workloads: ['ecs-service 111122223333/eu-west-1/prod/shop'],
    });
  });

  test('workloads that no rollout deploys are named with their reasons before anything is built', async () => {
    const world = await planWorld();
    const head = await violating(world, 0);
    for (const [cluster, workload] of [
      ['closed', 'shop/web'],
      ['open', 'shop/cart'],
    ] as const)
      await runs(world, head, workload, '111122223333', { cluster, workloadKind: 'eks-deployment' });
    await runs(world, head, 'nightly', '111122223333', { workloadKind: 'ecs-task' });
    const scope = { account: '111122223333', region: 'eu-west-1', eksCluster: 'closed' };
    await world.scopes.record({ scope, isPrivate: true });
    const plan = await planNow(readOnlyContext(world));
    expect(plan.planned[0]?.left).toEqual([
      { workload: 'ecs-task 111122223333/eu-west-1/prod/nightly', reason: 'standalone-task' },
      { workload: 'eks-deployment 111122223333/eu-west-1/closed/shop/web', reason: 'private-cluster' },
    ]);
    const text = renderPlan(plan, world.clock());
    expect(text).toContain(
      'Not deployed by Patchwave: their owners deploy them\n  ecs-task 111122223333/eu-west-1/prod/nightly (standalone-task)\n',
    );
    expect(text).toContain('  eks-deployment 111122223333/eu-west-1/closed/shop/web (private-cluster)');

    for (let n = 0; n < 30; n += 1) await runs(world, head, `task-${n}`, '111122223333', { workloadKind: 'ecs-task' });
    const many = renderPlan(await planNow(readOnlyContext(world)), world.clock());
    expect(many.match(/\(standalone-task\)/g)).toHaveLength(20);
    expect(many).toContain('  and 12 more: --json lists all');
  });

  test('a manual request replaces all running images', async () => {
    const world = await planWorld();
    const head = await pushed(world, 0, 'head', { tags: ['v0.1'], reasons: [], inUse: true });
    await runs(world, head, 'shop');
    await tell(world, 0, { kind: 'person', ruleId: 'asked-by-person', by: 'ana', reason: 'try', sinceEpochMs: 1 });
    expect((await planNow(readOnlyContext(world))).planned).toMatchObject([
      { work: 'rebuild', accounts: ['111122223333'] },
    ]);
  });
});

describe('the tree', () => {
  test('--tree shows the lineage with the plan of each stream', async () => {
    const world = await fleet();
    await took(world, 0, 10, 2);
    await tell(world, 5, fact());
    const { text } = await run(planCommand, readOnlyContext(world), [], { tree: true });
    const [, drawn = ''] = text.split('\nTree\n');
    expect(drawn.trimEnd().split('\n')).toEqual([
      'plan    stream                                      note',
      `wave 1  ${streamOf(0)}     12 min`,
      `wave 2  ├─ ${streamOf(1)}  up to 180 min`,
      `wave 2  └─ ${streamOf(2)}  up to 180 min`,
      `waits   ${streamOf(5)}     unknown-facts`,
      '1 stream in trees with nothing to do; --all shows them',
    ]);
    expect((await run(planCommand, readOnlyContext(world), [], { tree: true, all: true })).text).toContain(
      `-       ${streamOf(3)}`,
    );
  });

  test('a stream whose head is not recorded stands where its running images do, as does one without a head', async () => {
    const world = await planWorld({ tiers: ['base'], reportOnly: [1] });
    const base = await pushed(world, 0, 'base', { tags: ['v0.1'], reasons: [] });
    const runsOld = await pushed(world, 1, 'app-1', { tags: ['v1.1'], reasons: [reasonOf(fact())], inUse: true });
    stands(world, runsOld, base);
    await tell(world, 1, fact());
    world.streams.records.delete(streamOf(1));
    const deleted = await pushed(world, 2, 'app-2', { tags: ['v2.1'], reasons: [] });
    stands(world, deleted, base);
    const { head: _, ...headless } = world.streams.records.get(streamOf(2)) ?? {};
    world.streams.records.set(streamOf(2), headless as StreamRecord);
    const { tree } = await runJson(planCommand, readOnlyContext(world), [], { tree: true } as never);
    expect(tree).toMatchObject([
      { stream: streamOf(0), parents: [] },
      { stream: streamOf(1), parents: [streamOf(0)], mark: 'held' },
      { stream: streamOf(2), parents: [streamOf(0)], mark: 'untouched' },
    ]);
  });

  test('without --tree the lineage is not read', async () => {
    const context = readOnlyContext(await planWorld());
    const all = () => {
      throw new Error('all streams are read');
    };
    await run(planCommand, { ...context, streams: { ...context.streams, all } });
  });

  test('is data with --json', async () => {
    const world = await fleet();
    const { tree } = await runJson(planCommand, readOnlyContext(world), [], { tree: true } as never);
    expect(tree).toEqual([
      { stream: streamOf(0), tier: 'base', parents: [], mark: 'planned' },
      { stream: streamOf(1), tier: 'application', parents: [streamOf(0)], mark: 'planned' },
      { stream: streamOf(2), tier: 'application', parents: [streamOf(0)], mark: 'planned' },
      { stream: streamOf(3), tier: 'application', parents: [], mark: 'untouched' },
    ]);
    expect(await runJson(planCommand, readOnlyContext(world))).not.toHaveProperty('tree');
  });

  test('is drawn with --svg', async () => {
    const world = await fleet();
    const directory = mkdtempSync(join(tmpdir(), 'plan-'));
    const file = join(directory, 'plan.svg');
    try {
      const { text } = await run(planCommand, readOnlyContext(world), [], { svg: file });
      expect(text).toContain(`The tree was written to ${file}.`);
      const titles = elementsOf(parseXml(readFileSync(file, 'utf8'))).flatMap(({ name, text: content }) =>
        name === 'title' ? content.split('\n')[0] : [],
      );
      expect(titles.slice(1).sort()).toEqual([streamOf(0), streamOf(1), streamOf(2)]);
      const nowhere = run(planCommand, readOnlyContext(world), [], { svg: join(directory, 'none', 'plan.svg') });
      await expect(nowhere).rejects.toThrow(UsageError);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
