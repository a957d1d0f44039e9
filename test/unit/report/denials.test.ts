import { writeReport } from '../../../functions/report/write-report.ts';
import { collect } from '../../../shared/concurrency.ts';
import type { Digest } from '../../../shared/domain/image/image.ts';
import type { Report } from '../../../shared/domain/report/report.ts';
import type { Reason } from '../../../shared/domain/verdict/verdict.ts';
import { START_EPOCH_MS } from '../../support/fakes/world.ts';
import { DAY_MS, digestOf, hub, judged, RUN, reported, type World, worldWith } from './support.ts';

const [SOON, LATER, OVER] = [digestOf(1), digestOf(2), digestOf(3)];
const EKS = { ...hub, eksCluster: 'main' };
const PLACE = { ...hub, cluster: 'main', namespace: 'shop' };
const DENY: Parameters<typeof worldWith>[1] = {
  doors: { mode: 'deny', rules: [{ clusters: ['test'], mode: 'warn' }] },
};

const old = (days: number): Reason => ({
  ...{ ruleId: 'age-limit', effect: 'violates', kind: 'age', limitDays: 30 },
  ...{ bornAtEpochMs: START_EPOCH_MS - (30 + days) * DAY_MS, deadlineEpochMs: START_EPOCH_MS - days * DAY_MS },
});

const usage = (digest: Digest, workload: string, cluster = 'main') => ({
  ...{ ...hub, cluster, workload, container: 'app', count: 1, digest },
  ...({ workloadKind: 'eks-deployment', digestSource: 'runtime' } as const),
  reference: `${hub.account}.dkr.ecr.${hub.region}.amazonaws.com/apps/web@${digest}`,
});

/** Three images run in the namespace `shop`: one has four days of grace left, one ten, one none. */
async function running(changes: Parameters<typeof worldWith>[1] = DENY, scopeKey = 'fleet'): Promise<World> {
  const images = [SOON, LATER, OVER];
  const world = await worldWith([images], changes, scopeKey);
  const days = new Map([
    [SOON, 10],
    [LATER, 4],
    [OVER, 20],
  ]);
  for (const [digest, age] of days) await judged(world, digest, 'violating', { owner: 'web', reasons: [old(age)] });
  await reported(world, '1', { violating: 3 });
  for (const scope of [hub, EKS, { ...hub, eksCluster: '*' }]) await world.scopes.record({ scope });
  await world.usages.record(
    [...images.map((one) => usage(one, 'shop/web')), usage(SOON, 'shop/api'), usage(OVER, 'shop/web', 'test')],
    START_EPOCH_MS,
  );
  await world.running.begin(images.map((digest) => ({ digest, place: PLACE })));
  return world;
}

const write = async (world: World): Promise<Report> => writeReport(world.ports, { runId: RUN, mode: 'review' });
const recorded = (world: World) => collect(world.denials.all());

test('what a door will refuse within five days is in the report, and in the ledger', async () => {
  const world = await running();
  const { denials } = await write(world);
  const expected = [
    {
      ...{
        place: PLACE,
        digest: SOON,
        owner: 'web',
        workloads: ['eks-deployment shop/api', 'eks-deployment shop/web'],
      },
      ...{ ruleId: 'age-limit', deniedFromEpochMs: START_EPOCH_MS + 4 * DAY_MS, foundAtEpochMs: world.clock() },
    },
  ];
  expect(denials).toMatchObject({ withinDays: 5, expected, refused: 1 });
  expect(await recorded(world)).toMatchObject(expected);
  const markdown = (await world.reports.get('md', RUN)) ?? '';
  expect(markdown).toMatch(
    /## Images that a door will refuse, within 5 days[\s\S]*2026-11-28 03:00 UTC[\s\S]*shop\/api/,
  );
  expect(markdown).toContain('1 image that runs may not start again already.');
});

test('an image that only a template may start is announced, too', async () => {
  const world = await running();
  await world.usages.end([usage(SOON, 'shop/web'), usage(SOON, 'shop/api')], START_EPOCH_MS);
  const nightly = { ...usage(SOON, 'shop/nightly'), ...({ workloadKind: 'eks-cronjob', isPossible: true } as const) };
  await world.usages.record([nightly], START_EPOCH_MS);
  const { denials } = await write(world);
  expect(denials?.expected).toMatchObject([{ digest: SOON, workloads: ['eks-cronjob shop/nightly'] }]);
});

test('a second review finds the same denial, and one that was mended is gone', async () => {
  const world = await running();
  await write(world);
  const [first] = await recorded(world);
  world.advance(3_600_000);
  await write(world);
  expect(await recorded(world)).toEqual([first]);
  await world.usages.end([usage(SOON, 'shop/web'), usage(SOON, 'shop/api')], world.clock());
  await write(world);
  expect(await recorded(world)).toEqual([]);
});

test.each<[string, Parameters<typeof worldWith>[1]]>([
  ['no door', {}],
  ['doors that warn', { doors: { mode: 'warn' } }],
])('with %s the report has no such part, and what was expected is gone', async (_, changes) => {
  const world = await running(changes);
  await world.denials.replace([
    {
      ...{ place: PLACE, digest: SOON, workloads: [], workloadCount: 0, ruleId: 'r', message: 'm' },
      ...{ deniedFromEpochMs: 1, foundAtEpochMs: 1 },
    },
  ]);
  expect(await write(world)).not.toHaveProperty('denials');
  expect(await recorded(world)).toEqual([]);
  expect(await world.reports.get('md', RUN)).not.toContain('a door will refuse');
});

test('a review of some scopes records nothing', async () => {
  const world = await running(DENY, '111122223333/us-east-1');
  expect(await write(world)).not.toHaveProperty('denials');
  expect(await recorded(world)).toEqual([]);
});

test('a review without its policy keeps what was expected', async () => {
  const world = await running();
  await write(world);
  const before = await recorded(world);
  world.policies.lose(world.policyVersion);
  expect(await write(world)).not.toHaveProperty('denials');
  expect(await recorded(world)).toEqual(before);
});

test('a scope that left is out of sight', async () => {
  const world = await running();
  await world.scopes.record({ scope: EKS, left: { atEpochMs: 1, usages: 4 } });
  expect((await write(world)).denials).toEqual({ withinDays: 5, expected: [], refused: 0 });
});
