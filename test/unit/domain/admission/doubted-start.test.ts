import { doubtedStarts, mayBeDoubted } from '../../../../shared/domain/admission/doubted-start.ts';
import type { Presence } from '../../../../shared/domain/admission/standing.ts';
import { withJudgement, withLineage, withProperties } from '../../../../shared/domain/verdict/image-updates.ts';
import type { Reason } from '../../../../shared/domain/verdict/verdict.ts';
import { doorPolicy, ECS_PLACE } from '../../../support/door-world.ts';
import {
  alone,
  DAY_MS,
  findingReason,
  HOUR_MS,
  imageProperties,
  judgement,
  NOON_EPOCH_MS,
  verdict,
} from '../../../support/samples.ts';

const SHOP = { account: '111122223333', region: 'eu-west-1', cluster: 'main', namespace: 'shop' };
const GOOD: Presence = { beganAtEpochMs: NOON_EPOCH_MS - 9 * DAY_MS, standing: 'good' };
const DENIES = doorPolicy({ mode: 'deny' });
/** The last result without a doubt ended here. */
const DOUBTED_EPOCH_MS = NOON_EPOCH_MS + DAY_MS;
const NOW_EPOCH_MS = DOUBTED_EPOCH_MS + HOUR_MS;

const refused: Reason = {
  ...{ ruleId: 'scan-required', kind: 'scan', effect: 'unknown', state: 'failed', scanReason: 'access-denied' },
};
const overdue: Reason = {
  ...findingReason(1),
  ...{ firstSeenAtEpochMs: NOON_EPOCH_MS - 30 * DAY_MS, deadlineEpochMs: NOON_EPOCH_MS - 30 * DAY_MS },
};

/** A clean image, and what a judgement says of it one day later. */
function judged(reasons: readonly Reason[]) {
  const properties = imageProperties('web');
  const made = withProperties(undefined, properties);
  const found = withLineage(made, alone(properties)) ?? made;
  const clean = withJudgement(found, judgement('web', NOON_EPOCH_MS, { verdict: verdict('compliant') }));
  const isScanned = !reasons.includes(refused);
  const status = reasons.some(({ effect }) => effect === 'violates') ? 'violating' : 'unknown';
  const atEpochMs = isScanned ? DOUBTED_EPOCH_MS : NOON_EPOCH_MS;
  const scan = { completedAtEpochMs: atEpochMs, coverage: ['os'] } as const;
  const state = isScanned ? ({ state: 'complete' } as const) : ({ state: 'failed', reason: 'access-denied' } as const);
  const after =
    clean &&
    withJudgement(
      clean,
      judgement('web', DOUBTED_EPOCH_MS, { scan: { ...state, ...scan }, verdict: verdict(status, { reasons }) }),
    );
  if (!clean || !after) throw new Error('outdated');
  return { clean, after };
}

const startsOf = (image: ReturnType<typeof judged>['after'], presence: Presence, policy = DENIES) =>
  doubtedStarts(image, [{ place: SHOP, presence }], policy, NOW_EPOCH_MS);

test('an image in good standing starts in spite of a doubt, until its grace ends', () => {
  const { after } = judged([refused]);
  expect(mayBeDoubted(after, DENIES, NOW_EPOCH_MS)).toBe(true);
  expect(startsOf(after, GOOD)).toEqual([
    {
      ...{ place: SHOP, ruleId: 'scan-required', untilEpochMs: DOUBTED_EPOCH_MS + 14 * DAY_MS },
      message: expect.stringMatching(
        /^sha256:\w{12} may start here until .+ access.+ Tell the team that runs Patchwave/s,
      ),
    },
  ]);
});

test('a door that only warns counts, and one of ECS', () => {
  const { after } = judged([refused]);
  expect(startsOf(after, GOOD, doorPolicy({ mode: 'warn' }))).toHaveLength(1);
  const presences = [{ place: ECS_PLACE, presence: GOOD }];
  expect(doubtedStarts(after, presences, DENIES, NOW_EPOCH_MS)).toMatchObject([{ place: ECS_PLACE }]);
});

test('a scan that becomes stale is a doubt from that hour on', () => {
  const { clean } = judged([refused]);
  const staleEpochMs = NOON_EPOCH_MS + 48 * HOUR_MS;
  const at = (now: number) => doubtedStarts(clean, [{ place: SHOP, presence: GOOD }], DENIES, now).length;
  expect([at(staleEpochMs - 1), at(staleEpochMs + HOUR_MS)]).toEqual([0, 1]);
});

test.each<[string, readonly Reason[], Presence, object]>([
  ['one that violates a rule without grace, which is refused', [refused, overdue], GOOD, { mode: 'deny' }],
  ['one that a fact alone is against', [{ ...overdue, deadlineEpochMs: NOON_EPOCH_MS }], GOOD, { mode: 'deny' }],
  ['one that began while something forbade it', [refused], { ...GOOD, standing: 'forbidden' }, { mode: 'deny' }],
  ['one that ran too long ago', [refused], { ...GOOD, endedAtEpochMs: NOW_EPOCH_MS - 14 * DAY_MS }, { mode: 'deny' }],
  ['one where the door is off', [refused], GOOD, { mode: 'deny', rules: [{ clusters: ['main'], mode: 'off' }] }],
  ['one of a fleet without doors', [refused], GOOD, { mode: 'off' }],
])('does not count %s', (_, reasons, presence, doors) => {
  expect(startsOf(judged(reasons).after, presence, doorPolicy(doors))).toEqual([]);
});

test('nothing is read for an image without a doubt, or of a fleet without doors', () => {
  const { clean, after } = judged([refused]);
  expect(mayBeDoubted(clean, DENIES, NOON_EPOCH_MS + HOUR_MS)).toBe(false);
  expect(mayBeDoubted(after, doorPolicy({ mode: 'off' }), NOW_EPOCH_MS)).toBe(false);
});
