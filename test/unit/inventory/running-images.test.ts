import { presencesEnded, presencesSeen } from '../../../functions/inventory/running-images.ts';
import { nameRefusedSince } from '../../../shared/domain/admission/admit.ts';
import { isInGoodStanding } from '../../../shared/domain/admission/standing.ts';
import { type Usage, usageKey } from '../../../shared/domain/image/usage.ts';
import type { ImageRecord } from '../../../shared/domain/verdict/image-record.ts';
import { doorPolicy } from '../../support/door-world.ts';
import { FakeRunning } from '../../support/fakes/running.ts';
import {
  alone,
  DAY_MS,
  digestOf,
  findingReason,
  HOUR_MS,
  imageProperties,
  judgement,
  NOON_EPOCH_MS,
  usage,
  verdict,
} from '../../support/samples.ts';

const NOW = NOON_EPOCH_MS;
const PLACE = { account: '111122223333', region: 'eu-west-1', cluster: 'main' };
const WEB = digestOf('web');
const HOST = '111122223333.dkr.ecr.eu-west-1.amazonaws.com';
const pod = (workload: string, name = 'web', changes: Partial<Usage> = {}): Usage =>
  usage(name, {
    ...{ cluster: 'main', workloadKind: 'eks-deployment', workload, reference: `${HOST}/team/${name}:1` },
    ...changes,
  });

const recordOf = (name: string, changes: Parameters<typeof judgement>[2] = {}): ImageRecord => {
  const properties = imageProperties(name);
  const { digest: _, ...judged } = judgement(name, NOW - HOUR_MS, {
    ...{ scan: { state: 'complete', completedAtEpochMs: NOW - HOUR_MS, coverage: ['os'] }, ...changes },
  });
  return { ...properties, lineage: alone(properties), ...judged, inUse: true, isHead: false } as ImageRecord;
};
const GOOD = recordOf('web', { verdict: verdict('compliant', { reasons: [] }) });
const LATE = recordOf('web', {
  verdict: verdict('violating', {
    reasons: [
      { ...findingReason(1), effect: 'violates', firstSeenAtEpochMs: NOW - DAY_MS, deadlineEpochMs: NOW - DAY_MS },
    ],
  }),
});

/** A fact of ten hours ago, and a doubt of ten hours ago. */
const GOOD_BEFORE = { lastGood: { untilEpochMs: NOW - 10 * HOUR_MS, resultAtEpochMs: NOW - 11 * HOUR_MS } };
const SINCE_LATE: ImageRecord = { ...LATE, ...GOOD_BEFORE };
/** A rule that came ten hours ago. */
const SINCE_RULED: ImageRecord = {
  ...recordOf('web', {
    verdict: verdict('violating', {
      reasons: [{ ruleId: 'non-root', effect: 'violates', kind: 'user', user: '', sinceEpochMs: NOW - 10 * HOUR_MS }],
    }),
  }),
  ...GOOD_BEFORE,
};
const SINCE_DOUBTED: ImageRecord = {
  ...recordOf('web', {
    verdict: verdict('unknown', { reasons: [{ ruleId: 'age-known', effect: 'unknown', kind: 'age-unknown' }] }),
  }),
  ...GOOD_BEFORE,
};

const policy = doorPolicy({ mode: 'deny' }, { nonRoot: {} });
const strict = doorPolicy({ mode: 'deny' }, { approvedRegistries: { allow: ['ghcr.io/*'] } });

interface Seen {
  readonly usages?: readonly Usage[];
  readonly image?: ImageRecord;
  readonly isFirstReading?: boolean;
  readonly atEpochMs?: number;
  readonly beforeEpochMs?: number;
  readonly openUntilEpochMs?: number;
  readonly by?: typeof policy;
  /** What was in force before, and for how long `by` is. */
  readonly after?: { readonly policy: typeof policy; readonly hours: number };
  readonly version?: string;
  /** Of each usage, in their order; `undefined` says nothing. */
  readonly namedFrom?: readonly (number | undefined)[];
}

async function see(running: FakeRunning, { usages = [pod('shop/web')], image, by = policy, ...reading }: Seen) {
  const { after, version = 'policy-1', namedFrom = [] } = reading;
  const fromEpochMs = after ? NOW - after.hours * HOUR_MS : 0;
  const applied = [
    { version, policy: by, fromEpochMs },
    ...(after ? [{ version: 'before', policy: after.policy, fromEpochMs: 0, untilEpochMs: fromEpochMs }] : []),
  ];
  const named = usages.flatMap((one, n) => {
    const epochMs = namedFrom[n];
    return epochMs === undefined ? [] : [[usageKey(one), epochMs] as const];
  });
  const changes = await presencesSeen(running, usages, {
    ...{ inForce: async () => ({ policy: by, version, applied }), notBefore: new Map(named) },
    ...{ known: new Map(image ? [[WEB, image]] : []), isFirstReading: false, nowEpochMs: NOW },
    openUntil: async () => reading.openUntilEpochMs,
    ...(reading.isFirstReading && { isFirstReading: true }),
    ...(reading.beforeEpochMs !== undefined && { beforeEpochMs: reading.beforeEpochMs }),
    ...(reading.atEpochMs !== undefined && { nowEpochMs: reading.atEpochMs }),
  });
  await running.record(changes);
  return changes;
}

test.each<[string, Seen, object]>([
  ['nothing forbids it', { image: GOOD }, { standing: 'good', beganAtEpochMs: NOW }],
  ['a fact forbids it', { image: LATE }, { standing: 'forbidden' }],
  ['Patchwave has no record of it', {}, { standing: 'undecided' }],
  ['its registry is not approved', { image: GOOD, by: strict }, { standing: 'forbidden' }],
  [
    'one of its references is approved',
    { image: GOOD, by: strict, usages: [pod('shop/web'), pod('shop/api', 'web', { reference: 'ghcr.io/web:1' })] },
    { standing: 'good' },
  ],
  [
    'a fact forbids it at the first reading of the place',
    { image: LATE, isFirstReading: true },
    { standing: 'good', countsFromEpochMs: NOW },
  ],
  [
    'the first reading of the place has no record of it',
    { isFirstReading: true },
    { standing: 'undecided', countsFromEpochMs: NOW },
  ],
  [
    'a fact came due since the reading before',
    { image: SINCE_LATE, beforeEpochMs: NOW - 20 * HOUR_MS },
    { standing: 'good' },
  ],
  [
    'the same, and the place was open before the fact came due',
    { image: SINCE_LATE, beforeEpochMs: NOW - 20 * HOUR_MS, openUntilEpochMs: NOW - 10 * HOUR_MS },
    { standing: 'good' },
  ],
  [
    'the same, and the place was open after the fact came due',
    { image: SINCE_LATE, beforeEpochMs: NOW - 20 * HOUR_MS, openUntilEpochMs: NOW - 9 * HOUR_MS },
    { standing: 'forbidden' },
  ],
  ...(
    [
      ['a rule came since the reading before', undefined, 'good'],
      ['a rule came since then, and the place was open before the rule came', 10, 'good'],
      ['a rule came since then, and the place was open after the rule came', 9, 'forbidden'],
    ] as const
  ).map(([name, open, standing]): [string, Seen, object] => [
    name,
    {
      ...{ image: SINCE_RULED, beforeEpochMs: NOW - 20 * HOUR_MS },
      ...(open !== undefined && { openUntilEpochMs: NOW - open * HOUR_MS }),
    },
    { standing },
  ]),
  [
    'a rule came before the reading before, so a break-glass or a door that only warns let it start',
    { image: SINCE_RULED, beforeEpochMs: NOW - 9 * HOUR_MS },
    { standing: 'forbidden' },
  ],
  [
    'a fact forbids it at the first reading of the place, which was open',
    { image: LATE, isFirstReading: true, openUntilEpochMs: NOW },
    { standing: 'good', countsFromEpochMs: NOW },
  ],
  [
    'a doubt came up since the reading before, and the place was open after that',
    { image: SINCE_DOUBTED, beforeEpochMs: NOW - 20 * HOUR_MS, openUntilEpochMs: NOW },
    { standing: 'undecided' },
  ],
  [
    'a doubt came up since the reading before, and the place was open before that',
    { image: SINCE_DOUBTED, beforeEpochMs: NOW - 20 * HOUR_MS, openUntilEpochMs: NOW - 19 * HOUR_MS },
    { standing: 'good' },
  ],
])('an image begins in a place: %s', async (_, seen, presence) => {
  const [one, ...others] = await see(new FakeRunning(), seen);
  expect(one).toMatchObject({ digest: WEB, place: { ...PLACE, namespace: 'shop' }, presence });
  expect(others).toEqual([]);
});

const hoursAgo = (hours: number): number => NOW - hours * HOUR_MS;
/** The reading before was 20 hours ago, and a policy that has not judged the image yet came ten hours ago. */
const UNJUDGED: Seen = { image: GOOD, version: 'policy-2', beforeEpochMs: hoursAgo(20) };
const TWO = [pod('shop/web'), pod('shop/api')];

test.each<[string, Seen, boolean]>([
  ['nothing says since when it is named there', UNJUDGED, true],
  ['it is named there since before the policy', { ...UNJUDGED, namedFrom: [hoursAgo(11)] }, true],
  ['it is named there since the policy', { ...UNJUDGED, namedFrom: [hoursAgo(9)] }, false],
  ['the reading before was after the policy', { ...UNJUDGED, beforeEpochMs: hoursAgo(8) }, false],
  ['the place was open after the policy came', { ...UNJUDGED, openUntilEpochMs: hoursAgo(9) }, false],
  ['the place was open before it came', { ...UNJUDGED, openUntilEpochMs: hoursAgo(11) }, true],
  [
    'one of two workloads names it since before the policy',
    { ...UNJUDGED, usages: TWO, namedFrom: [hoursAgo(9), hoursAgo(11)] },
    true,
  ],
  ['of one of two workloads nothing says it', { ...UNJUDGED, usages: TWO, namedFrom: [hoursAgo(9)] }, true],
  [
    'it is in doubt, and named there since before the doubt',
    { ...UNJUDGED, image: SINCE_DOUBTED, namedFrom: [hoursAgo(11)] },
    true,
  ],
  [
    'it is in doubt, and the place was open before the policy came',
    { ...UNJUDGED, image: SINCE_DOUBTED, openUntilEpochMs: hoursAgo(11) },
    true,
  ],
  [
    'it is in doubt, and the place was open after the policy came',
    { ...UNJUDGED, image: SINCE_DOUBTED, openUntilEpochMs: hoursAgo(9) },
    false,
  ],
  [
    'it is in doubt, and named there since the doubt',
    { ...UNJUDGED, image: SINCE_DOUBTED, namedFrom: [hoursAgo(9)] },
    false,
  ],
])('an image begins before the policy in force has judged it, and %s', async (_, seen, isGood) => {
  const [one] = await see(new FakeRunning(), seen);
  if (!one) throw new TypeError('it must begin');
  expect(one.presence.standing).toBe('undecided');
  const judgedAs = (image: ImageRecord): boolean => isInGoodStanding(one.presence, image, policy, NOW + HOUR_MS);
  expect(judgedAs(GOOD)).toBe(true);
  expect(judgedAs(SINCE_RULED)).toBe(isGood);
});

test('what began against a rule waits for the verdict of a policy that may forgive it', async () => {
  const running = new FakeRunning();
  await see(running, { image: SINCE_RULED, beforeEpochMs: hoursAgo(9) });
  const [one] = await see(running, { image: GOOD, version: 'policy-2', atEpochMs: NOW + HOUR_MS });
  expect(one?.presence).toEqual({ standing: 'undecided', beganAtEpochMs: NOW + HOUR_MS });
  const judgedAs = (image: ImageRecord): boolean =>
    one !== undefined && isInGoodStanding(one.presence, image, policy, NOW + 2 * HOUR_MS);
  expect([judgedAs({ ...GOOD, judgedAtEpochMs: NOW + 2 * HOUR_MS }), judgedAs(SINCE_RULED)]).toEqual([true, false]);
});

const byName = (hours: number, seen: Seen = {}): Seen => ({
  ...{ image: GOOD, by: strict, after: { policy, hours }, beforeEpochMs: hoursAgo(20), ...seen },
});

test.each<[string, Seen, string]>([
  ['its registry left the policy since the reading before', byName(10), 'good'],
  ['the same, and it is named there since before that', byName(10, { namedFrom: [hoursAgo(11)] }), 'good'],
  ['the same, and it is named there since then', byName(10, { namedFrom: [hoursAgo(9)] }), 'forbidden'],
  ['the same, and the place was open before that', byName(10, { openUntilEpochMs: hoursAgo(11) }), 'good'],
  ['the same, and the place was open after that', byName(10, { openUntilEpochMs: hoursAgo(9) }), 'forbidden'],
  ['its registry left the policy before that reading', byName(21), 'forbidden'],
  ['another policy without its registry came since', byName(10, { after: { policy: strict, hours: 10 } }), 'forbidden'],
  ['no registry was ever named so', byName(10, { usages: [pod('shop/web', 'web', { reference: '%' })] }), 'forbidden'],
  ['and the policy has not judged it yet', byName(10, { version: 'policy-2' }), 'undecided'],
])('an image begins by a name that is refused: %s', async (_, seen, standing) => {
  const [one] = await see(new FakeRunning(), seen);
  expect(one?.presence.standing).toBe(standing);
});

test.each<[string, number, string | undefined]>([
  ['after it began', 10, undefined],
  ['before it began', 30, 'forbidden'],
])('an image without a result yet, whose registry left the policy %s', async (_, hours, standing) => {
  const running = new FakeRunning();
  await see(running, { atEpochMs: hoursAgo(20) });
  const [one] = await see(running, byName(hours));
  expect(one?.presence.standing).toBe(standing);
});

test('what began while a registry was back in the policy began well', () => {
  const [firstEpochMs, backEpochMs, againEpochMs] = [hoursAgo(30), hoursAgo(20), hoursAgo(10)];
  const applied = [
    { version: 'policy-3', policy: strict, fromEpochMs: againEpochMs },
    { version: 'policy-2', policy, fromEpochMs: backEpochMs, untilEpochMs: againEpochMs },
    { version: 'policy-1', policy: strict, fromEpochMs: firstEpochMs, untilEpochMs: backEpochMs },
  ];
  const reference = pod('shop/web').reference ?? '';
  expect(nameRefusedSince(reference, { policy: strict, applied })).toBe(againEpochMs);
});

test('an image of ECS begins in its cluster', async () => {
  const [one] = await see(new FakeRunning(), { image: GOOD, usages: [usage('web', { cluster: 'main' })] });
  expect(one?.place).toEqual(PLACE);
});

test('a further reading writes nothing, and a fact that came later takes no standing away', async () => {
  const running = new FakeRunning();
  await see(running, { image: GOOD });
  expect(await see(running, { image: GOOD, atEpochMs: NOW + DAY_MS })).toEqual([]);
  expect(await see(running, { image: LATE, atEpochMs: NOW + 2 * DAY_MS })).toEqual([]);
});

test('a restart within the grace continues the period, and a later one begins another', async () => {
  const running = new FakeRunning();
  await see(running, { image: LATE });
  const place = { ...PLACE, namespace: 'shop' };
  const began = (await running.presencesIn([WEB], place)).get(WEB);
  await running.record([{ digest: WEB, place, presence: { ...began, endedAtEpochMs: NOW + DAY_MS } }]);
  const [within] = await see(running, { image: LATE, atEpochMs: NOW + 2 * DAY_MS });
  expect(within?.presence).toEqual({ standing: 'forbidden', beganAtEpochMs: NOW });
  await running.record([{ digest: WEB, place, presence: { ...began, endedAtEpochMs: NOW + 3 * DAY_MS } }]);
  const [after] = await see(running, { image: GOOD, atEpochMs: NOW + 17 * DAY_MS });
  expect(after?.presence).toEqual({ standing: 'undecided', beganAtEpochMs: NOW + 17 * DAY_MS });
});

test('what began against a fact is in good standing once nothing forbids it', async () => {
  const running = new FakeRunning();
  await see(running, { image: LATE });
  expect(await see(running, { image: LATE, atEpochMs: NOW + DAY_MS })).toEqual([]);
  const [later] = await see(running, { image: GOOD, atEpochMs: NOW + HOUR_MS });
  expect(later?.presence).toEqual({ standing: 'good', beganAtEpochMs: NOW });
});

test('a presence ends with the last usage of the image in the place', async () => {
  const running = new FakeRunning();
  await see(running, { image: GOOD, usages: [pod('shop/web'), pod('shop/api'), pod('pay/web')] });
  const ended = (gone: readonly Usage[], goingOn: readonly Usage[]) =>
    presencesEnded(running, gone, goingOn, NOW + DAY_MS);
  expect(await ended([pod('shop/web')], [pod('shop/api'), pod('pay/web')])).toEqual([]);
  const over = await ended([pod('shop/web'), pod('shop/api')], [pod('pay/web')]);
  expect(over).toEqual([
    {
      ...{ digest: WEB, place: { ...PLACE, namespace: 'shop' } },
      presence: { standing: 'good', beganAtEpochMs: NOW, endedAtEpochMs: NOW + DAY_MS },
    },
  ]);
});

test.each<[string, ImageRecord | undefined, boolean]>([
  ['nothing forbids it', GOOD, true],
  ['a fact came due after it ended', SINCE_LATE, true],
  ['a fact forbade it', LATE, false],
  ['Patchwave has no record of it', undefined, false],
])('an image that ends, and whose beginning no reading recorded, where %s', async (_, image, isGood) => {
  const endedAtEpochMs = NOW - 11 * HOUR_MS;
  const [ended] = await presencesEnded(new FakeRunning(), [pod('shop/web')], [], endedAtEpochMs);
  if (!ended) throw new TypeError('it must end');
  expect(isInGoodStanding(ended.presence, image, policy, NOW)).toBe(isGood);
  expect(isInGoodStanding(ended.presence, image, policy, endedAtEpochMs + 14 * DAY_MS)).toBe(false);
});
