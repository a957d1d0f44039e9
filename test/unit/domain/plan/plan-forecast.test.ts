import type { Usage } from '../../../../shared/domain/image/usage.ts';
import {
  type ForecastNode,
  forecastPlan,
  reachedBy,
  rebuildTime,
  waveTime,
} from '../../../../shared/domain/plan/plan-forecast.ts';
import { streamPolicy } from '../../../../shared/domain/stream/stream-policy.ts';
import { rebuild } from '../../../support/rebuild-samples.ts';
import { digestOf, NOON_EPOCH_MS as NOON } from '../../../support/samples.ts';
import { fc } from '../../../support/seeded.ts';
import { planWorld, STREAM } from '../../cascade-plan/support.ts';

const MINUTE_MS = 60_000;
const CAPS = { concurrentRebuilds: 100, onlyApplicationsInUse: true, followParents: true };

interface Draft {
  readonly minutes: number | readonly [number, number];
  readonly account?: string;
  readonly wave?: number;
}

const NOBODY = { workloads: [], accounts: [], left: [] };

const build = ({ minutes, account = 'one', wave = 0 }: Draft, at = 0): ForecastNode => {
  const [least, most] = typeof minutes === 'number' ? [minutes, minutes] : minutes;
  const span = { atLeastMs: least * MINUTE_MS, atMostMs: most * MINUTE_MS };
  const time = { ...span, build: span, hasHistory: least === most };
  return { stream: `stream-${at}`, work: 'rebuild', wave, time, account, ...NOBODY };
};

const builds = (...drafts: (number | Draft)[]): ForecastNode[] =>
  drafts.map((draft, at) => build(typeof draft === 'number' ? { minutes: draft } : draft, at));

const inMinutes = ({ atLeastMs, atMostMs }: { atLeastMs: number; atMostMs: number }) => [
  atLeastMs / MINUTE_MS,
  atMostMs / MINUTE_MS,
];

describe('one rebuild', () => {
  const policy = async () => streamPolicy((await (await planWorld()).policies.current()).policy, STREAM);
  const built = { startingAtEpochMs: NOON, verifyingSinceEpochMs: NOON + 6 * MINUTE_MS };
  const verified = { outcome: { result: 'fixed' }, endedAtEpochMs: NOON + 8 * MINUTE_MS } as const;

  test('takes as long as its last ones did', async () => {
    const time = rebuildTime([rebuild('r1', { ...built, ...verified })], await policy());
    expect(inMinutes(time)).toEqual([8, 8]);
    expect(inMinutes(time.build)).toEqual([6, 6]);
    expect(time.hasHistory).toBe(true);
  });

  test('takes at most what the policy allows if it has no history', async () => {
    const time = rebuildTime([], await policy());
    expect(inMinutes(time)).toEqual([0, 60 + 120]);
    expect(inMinutes(time.build)).toEqual([0, 60]);
    expect(time.hasHistory).toBe(false);
  });

  test('that was never verified has half a history', async () => {
    expect(inMinutes(rebuildTime([rebuild('r1', built)], await policy()))).toEqual([6, 126]);
  });
});

test.each<[string, readonly ForecastNode[], { concurrentRebuilds: number; perAccount?: number }, number, number]>([
  ['nothing is built', [], { concurrentRebuilds: 8 }, 0, 0],
  ['all fit: the slowest', builds(3, 9, 5), { concurrentRebuilds: 3 }, 9, 9],
  ['one slot: all in turn', builds(3, 9, 5), { concurrentRebuilds: 1 }, 17, 17],
  ['two slots', builds(6, 6, 6, 6), { concurrentRebuilds: 2 }, 12, 15],
  ['the longest weighs more than its share', builds(30, 1, 1), { concurrentRebuilds: 2 }, 30, 31],
  ['one account in turn', builds(4, 4, { minutes: 3, account: 'two' }), { concurrentRebuilds: 8, perAccount: 1 }, 8, 8],
  ['both caps', builds(4, 4, { minutes: 4, account: 'two' }), { concurrentRebuilds: 2, perAccount: 1 }, 8, 12],
  ['what is not known counts with its limit', builds(4, { minutes: [0, 60] }), { concurrentRebuilds: 2 }, 4, 60],
])('a wave in which %s', (_, nodes, caps, least, most) => {
  expect(inMinutes(waveTime(nodes, { ...CAPS, ...caps }))).toEqual([least, most]);
});

/** As many of the others as may build build: by what the bound is proven for. */
function simulated(nodes: readonly ForecastNode[], slots: number, perAccount: number): number {
  const waiting = nodes.map(({ time, account = '' }) => ({ ms: time?.atMostMs ?? 0, account }));
  let running: { readonly until: number; readonly account: string }[] = [];
  for (let now = 0; ; ) {
    for (const job of [...waiting]) {
      const own = running.filter(({ account }) => account === job.account);
      if (running.length >= slots || own.length >= perAccount) continue;
      running.push({ until: now + job.ms, account: job.account });
      waiting.splice(waiting.indexOf(job), 1);
    }
    if (running.length === 0) return now;
    now = Math.min(...running.map(({ until }) => until));
    running = running.filter(({ until }) => until > now);
  }
}

describe('for any builds', () => {
  const drawn = fc.array(
    fc.record({
      minutes: fc
        .tuple(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: 60 }))
        .map(([least, more]) => [least, least + more] as const),
      account: fc.constantFrom('one', 'two', 'three'),
      wave: fc.integer({ min: 0, max: 2 }),
    }),
    { maxLength: 12 },
  );
  const cap = fc.integer({ min: 1, max: 6 });

  test('builds that start as soon as possible stay within both bounds', () => {
    fc.assert(
      fc.property(drawn, cap, cap, (drafts, concurrentRebuilds, perAccount) => {
        const nodes = drafts.map(({ minutes: [, most], ...draft }, at) => build({ ...draft, minutes: most }, at));
        const { atLeastMs, atMostMs } = waveTime(nodes, { ...CAPS, concurrentRebuilds, perAccount });
        const took = simulated(nodes, concurrentRebuilds, perAccount);
        expect(took).toBeGreaterThanOrEqual(atLeastMs - 1);
        expect(took).toBeLessThanOrEqual(atMostMs + 1);
      }),
    );
  });

  test('more slots never take longer', () => {
    fc.assert(
      fc.property(drawn, cap, cap, (drafts, concurrentRebuilds, perAccount) => {
        const nodes = drafts.map(build);
        const few = forecastPlan(nodes, { ...CAPS, concurrentRebuilds, perAccount });
        for (const more of [{ concurrentRebuilds: concurrentRebuilds + 1, perAccount }, { concurrentRebuilds }]) {
          const many = forecastPlan(nodes, { ...CAPS, ...more });
          expect(many.atLeastMs).toBeLessThanOrEqual(few.atLeastMs + 1);
          expect(many.atMostMs).toBeLessThanOrEqual(few.atMostMs + 1);
        }
      }),
    );
  });

  test('waves come one after the other, and no build is lost or counted twice', () => {
    fc.assert(
      fc.property(drawn, cap, (drafts, concurrentRebuilds) => {
        const plan = forecastPlan(drafts.map(build), { ...CAPS, concurrentRebuilds });
        const total = (of: (wave: (typeof plan.waves)[number]) => number) =>
          plan.waves.reduce((sum, wave) => sum + of(wave), 0);
        expect(total(({ builds: count }) => count)).toBe(plan.builds);
        expect(total(({ withoutHistory }) => withoutHistory)).toBe(plan.withoutHistory);
        expect(total(({ atMostMs }) => atMostMs)).toBe(plan.atMostMs);
        expect(total(({ atLeastMs }) => atLeastMs)).toBe(plan.atLeastMs);
        expect(plan.atLeastMs).toBeLessThanOrEqual(plan.atMostMs);
        expect(plan.waves.map(({ wave }) => wave)).toEqual([...new Set(drafts.map(({ wave }) => wave))].sort());
      }),
    );
  });
});

test('reached workloads are counted once, also over several waves', () => {
  const usage = (account: string, workload: string, container = 'main'): Usage => ({
    ...{ account, region: 'eu-west-1', cluster: 'prod', workloadKind: 'ecs-service', workload, container },
    ...{ digest: digestOf('old'), digestSource: 'runtime', count: 1 },
  });
  const shop = [usage('111122223333', 'shop'), usage('111122223333', 'shop', 'proxy')];
  const reached = reachedBy([...shop, usage('444455556666', 'cart')], { eks: true });
  expect(reached).toEqual({
    workloads: ['ecs-service 111122223333/eu-west-1/prod/shop', 'ecs-service 444455556666/eu-west-1/prod/cart'],
    accounts: ['111122223333', '444455556666'],
    left: [],
  });
  const nodes = [
    { ...build({ minutes: 1 }), ...reached },
    { ...build({ minutes: 1, wave: 1 }), ...reachedBy(shop, { eks: true }) },
  ];
  const plan = forecastPlan(nodes, CAPS);
  expect(plan).toMatchObject({ streams: 2, workloads: 2, accounts: 2 });
  expect(plan.waves).toMatchObject([{ workloads: 2 }, { workloads: 1, accounts: 1 }]);
});

test('a deployment takes no time to build', () => {
  const deploy: ForecastNode = { stream: 's', work: 'deploy', wave: 0, ...NOBODY };
  expect(forecastPlan([deploy, build({ minutes: 5 })], CAPS)).toMatchObject({
    streams: 2,
    builds: 1,
    atMostMs: 5 * MINUTE_MS,
  });
});
