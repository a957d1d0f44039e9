import type { AdmissionRecords } from '../../../../shared/domain/admission/admission-facts.ts';
import { denialsIn, MOST_DENIED_WORKLOADS } from '../../../../shared/domain/admission/expected-denial.ts';
import type { PossibleStart } from '../../../../shared/domain/admission/possible-start.ts';
import { policySchema } from '../../../../shared/domain/policy/policy.ts';
import type { ImageRecord } from '../../../../shared/domain/verdict/image-record.ts';
import type { Reason, Verdict } from '../../../../shared/domain/verdict/verdict.ts';
import { parse } from '../../../../shared/schema.ts';
import {
  alone,
  DAY_MS,
  digestOf,
  findingReason,
  HOUR_MS,
  imageProperties,
  judgement,
  NOON_EPOCH_MS,
  verdict,
} from '../../../support/samples.ts';

const NOW = NOON_EPOCH_MS;
const WEB = digestOf('web');
const NAMED = `111122223333.dkr.ecr.eu-west-1.amazonaws.com/team/web@${WEB}`;
const PLACE = { account: '111122223333', region: 'eu-west-1', cluster: 'prod', namespace: 'shop' };

interface Situation {
  /** The image is ten days old. */
  readonly limitDays?: number;
  readonly reasons?: readonly Reason[];
  readonly verdict?: Partial<Verdict>;
  readonly scannedAgoHours?: number;
  readonly graceRunningDays?: number;
  readonly mode?: 'off' | 'warn' | 'deny';
  readonly runs?: boolean;
  readonly waivers?: readonly object[];
  readonly starts?: readonly PossibleStart[];
}

const start = (changes: Partial<PossibleStart> = {}): PossibleStart => ({
  ...{
    place: PLACE,
    workloadKind: 'eks-deployment',
    workload: 'shop/web',
    digests: [WEB],
    byDigest: [],
    sources: ['running'],
  },
  reference: NAMED,
  ...changes,
});

function denials(situation: Situation) {
  const {
    reasons = [],
    scannedAgoHours = 1,
    graceRunningDays = 14,
    mode = 'deny',
    runs = true,
    limitDays = 30,
  } = situation;
  const policy = parse(policySchema, {
    ...{ version: 1, ages: { default: { limitDays } }, streams: [], staleScanHours: 48, nonRoot: {} },
    severities: [{ id: 'critical', severities: ['critical'], graceDays: 0 }],
    ...{ doors: { mode, graceRunningDays }, waivers: situation.waivers ?? [] },
  });
  const properties = imageProperties('web');
  const { digest: _, ...judged } = judgement('web', NOW - HOUR_MS, {
    scan: { state: 'complete', completedAtEpochMs: NOW - scannedAgoHours * HOUR_MS, coverage: ['os'] },
    verdict: verdict(reasons.some(({ effect }) => effect === 'violates') ? 'violating' : 'compliant', {
      reasons,
      ...situation.verdict,
    }),
  });
  const record = { ...properties, lineage: alone(properties), ...judged } as unknown as ImageRecord;
  const records: AdmissionRecords = {
    images: new Map([[WEB, record]]),
    indexes: new Map(),
    presences: new Map(runs ? [[WEB, { standing: 'good' as const }]] : []),
  };
  return denialsIn(situation.starts ?? [start()], records, { policy, applied: [] }, NOW);
}

const late = (days: number, effect: 'violates' | 'due' = 'violates'): Reason => ({
  ...findingReason(1),
  ...{ effect, firstSeenAtEpochMs: NOW - days * DAY_MS, deadlineEpochMs: NOW - days * DAY_MS },
});
const waived: Reason = { ...findingReason(1), effect: 'waived', waiverId: 'w' } as Reason;
const waiverUntil = (expires: string) => ({
  ...{
    id: 'w',
    finding: 'CVE-2026-00001',
    scope: {},
    author: 'ada',
    reason: 'a vendor fix is due',
    created: '2026-11-01',
    expires,
  },
});
const user: Reason = { ruleId: 'no-root', effect: 'waived', kind: 'user', waiverId: 'w' } as Reason;

test.each<[string, Situation, number | undefined]>([
  ['a compliant image', {}, undefined],
  ['a grace that ends in four days', { reasons: [late(10)] }, 4],
  ['a grace that ends in five days', { reasons: [late(9)] }, 5],
  ['a grace that ends later', { reasons: [late(8.9)] }, undefined],
  ['the earliest of several', { reasons: [late(10), { ...late(11), ruleId: 'high' } as Reason] }, 3],
  ['a door that only warns', { reasons: [late(10)], mode: 'warn' }, undefined],
  ['a door that is off', { reasons: [late(10)], mode: 'off' }, undefined],
  ['a short grace of a deadline that lies ahead', { reasons: [late(-2, 'due')], graceRunningDays: 1 }, 3],
  ['no grace, and a deadline that lies ahead', { reasons: [late(-2, 'due')], graceRunningDays: 0 }, 2],
  ['a deadline in exactly five days', { reasons: [late(-5, 'due')], graceRunningDays: 0 }, 5],
  ['a deadline that lies too far ahead', { reasons: [late(-6, 'due')], graceRunningDays: 0 }, undefined],
  [
    'an age that no reason names yet',
    { limitDays: 12, verdict: { nextBreachAtEpochMs: NOW + 2 * DAY_MS }, graceRunningDays: 1 },
    3,
  ],
  ['a scan that became too old, within its grace', { scannedAgoHours: 48 + 10 * 24 }, 4],
  ['a scan that will be renewed', { scannedAgoHours: 47, graceRunningDays: 0 }, undefined],
])('%s', (_, situation, days) => {
  const { expected } = denials(situation);
  expect(expected.map(({ deniedFromEpochMs }) => deniedFromEpochMs)).toEqual(
    days === undefined ? [] : [NOW + days * DAY_MS],
  );
});

test('the end of a waiver begins the grace of a finding, and of a rule', () => {
  const waivers = [waiverUntil('2026-11-26')];
  const voidFrom = Date.parse('2026-11-27T00:00:00Z');
  expect(denials({ reasons: [waived], waivers, graceRunningDays: 1 }).expected).toMatchObject([
    { deniedFromEpochMs: voidFrom + DAY_MS, ruleId: 'critical' },
  ]);
  const rule = [{ ...waiverUntil('2026-11-26'), finding: undefined, rule: 'no-root' }];
  expect(denials({ reasons: [user], waivers: rule, graceRunningDays: 1 }).expected).toMatchObject([
    { deniedFromEpochMs: voidFrom + DAY_MS, ruleId: 'no-root' },
  ]);
  const inherited = [{ ...waiverUntil('2026-11-26'), scope: { repositories: ['base/*'] } }];
  const ofBase = { ...waived, waivedThrough: digestOf('base') };
  expect(denials({ reasons: [ofBase], waivers: inherited, graceRunningDays: 1 }).expected).toMatchObject([
    { deniedFromEpochMs: voidFrom + DAY_MS, ruleId: 'critical' },
  ]);
  // It waives what violates since a verdict without it.
  expect(denials({ reasons: [late(20)], waivers, graceRunningDays: 1 }).expected).toMatchObject([
    { deniedFromEpochMs: voidFrom + DAY_MS, ruleId: 'critical' },
  ]);
  // The grace of the finding ends first, and the door would tell it today.
  expect(denials({ reasons: [late(9.5), user], waivers: rule }).expected).toMatchObject([
    { deniedFromEpochMs: NOW + 4.5 * DAY_MS, ruleId: 'critical' },
  ]);
});

test('what the door refuses already is counted, and not announced', () => {
  expect(denials({ reasons: [late(20)] })).toEqual({ expected: [], refused: [WEB] });
  expect(denials({ reasons: [late(10)], runs: false })).toEqual({ expected: [], refused: [WEB] });
  expect(denials({ starts: [start({ reference: 'nginx' })] })).toEqual({ expected: [], refused: [WEB] });
});

test('an image is announced once, with its owner and some of its workloads', () => {
  const many = Array.from({ length: 25 }, (_, n) => start({ workload: `shop/web-${String(n).padStart(2, '0')}` }));
  const { expected } = denials({ reasons: [late(10)], starts: many });
  expect(expected).toMatchObject([
    { place: PLACE, digest: WEB, owner: 'payments', workloadCount: 25, ruleId: 'critical', foundAtEpochMs: NOW },
  ]);
  expect(expected[0]?.workloads).toHaveLength(MOST_DENIED_WORKLOADS);
  expect(expected[0]?.workloads[0]).toBe('eks-deployment shop/web-00');
  expect(expected[0]?.message).toMatch(/^sha256:\w{12} may start here until 2026-11-28 03:00 UTC, /);
});
