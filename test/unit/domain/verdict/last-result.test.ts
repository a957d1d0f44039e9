import { goodUntilEpochMs, lastResultsAfter } from '../../../../shared/domain/verdict/last-result.ts';
import { imageProperties, judgement, NOON_EPOCH_MS, verdict } from '../../../support/samples.ts';

const judged = (reasons: NonNullable<ReturnType<typeof judgement>['verdict']>['reasons']) => ({
  ...imageProperties('a'),
  ...judgement('a', NOON_EPOCH_MS, { verdict: { ...verdict('violating'), status: 'violating', reasons } }),
  scan: { state: 'complete', completedAtEpochMs: NOON_EPOCH_MS, coverage: ['os'] } as const,
});

test('a name in an unapproved registry elsewhere leaves a result good; a violation of the content does not', () => {
  const [policy, now] = [{ staleScanHours: 48 }, NOON_EPOCH_MS + 1];
  const elsewhere = { ruleId: 'r', effect: 'violates', kind: 'registry', registry: 'docker.io/library/a' } as const;
  expect(goodUntilEpochMs(judged([elsewhere]), policy, now)).toBe(now);
  const root = { ruleId: 'u', effect: 'violates', kind: 'user', user: '' } as const;
  expect(goodUntilEpochMs(judged([elsewhere, root]), policy, now)).toBeUndefined();
});

test.each<[string, Parameters<typeof judged>[0], number]>([
  [
    'a rule that came since the last verdict, although the image is judged by it later',
    [{ ruleId: 'u', effect: 'violates', kind: 'user', user: '', sinceEpochMs: NOON_EPOCH_MS + 1000 }],
    NOON_EPOCH_MS + 1000,
  ],
  [
    'a rule that came before the last verdict, because a review that had begun before judged by another policy',
    [{ ruleId: 'u', effect: 'violates', kind: 'user', user: '', sinceEpochMs: NOON_EPOCH_MS - 1000 }],
    NOON_EPOCH_MS - 1000,
  ],
  [
    'the end of a pause of the rule',
    [
      {
        ...{ ruleId: 'u', effect: 'violates', kind: 'user', user: '', sinceEpochMs: NOON_EPOCH_MS - 9000 },
        unbrokenSinceEpochMs: NOON_EPOCH_MS + 1000,
      },
    ],
    NOON_EPOCH_MS + 1000,
  ],
  [
    'the next verdict, if nothing says since when it is forbidden',
    [{ ruleId: 'u', effect: 'violates', kind: 'user', user: '' }],
    NOON_EPOCH_MS + 5000,
  ],
  [
    'the next verdict, if only a name elsewhere is not approved',
    [
      {
        ruleId: 'r',
        effect: 'violates',
        kind: 'registry',
        registry: 'docker.io/a',
        sinceEpochMs: NOON_EPOCH_MS + 1000,
      },
    ],
    NOON_EPOCH_MS + 5000,
  ],
])('the last good result ends with %s', (_, reasons, untilEpochMs) => {
  const good = judged([]);
  const before = { ...good, verdict: verdict('compliant', { reasons: [] }) };
  const doubted: Parameters<typeof judged>[0] = [{ ruleId: 'a', effect: 'unknown', kind: 'age-unknown' }];
  const { lastGood } = lastResultsAfter(before, judged([...reasons, ...doubted]), NOON_EPOCH_MS + 5000);
  expect(lastGood?.untilEpochMs).toBe(untilEpochMs);
});

test.each<[string, number | undefined, object, number]>([
  ['when the rule came, if a doubt hid it from the verdict of before', 1000, {}, 1000],
  ['with the doubt, if the rule came after it', 4000, {}, 3000],
  ['with its scan at the earliest, if a looser policy came between', -1000, { resultAtEpochMs: NOON_EPOCH_MS }, 0],
  ['with the doubt, if nothing says since when it is forbidden', undefined, {}, 3000],
])('the last good result ends %s', (_, sinceMs, result, untilMs) => {
  const lastGood = { untilEpochMs: NOON_EPOCH_MS + 3000, resultAtEpochMs: NOON_EPOCH_MS - 9000, ...result };
  const doubted = { ...judged([{ ruleId: 'a', effect: 'unknown', kind: 'age-unknown' }]), lastGood };
  const since = sinceMs === undefined ? {} : { sinceEpochMs: NOON_EPOCH_MS + sinceMs };
  const after = judged([{ ruleId: 'u', effect: 'violates', kind: 'user', user: '', ...since }]);
  const { lastGood: ended } = lastResultsAfter(doubted, after, NOON_EPOCH_MS + 5000);
  expect(ended).toEqual({ ...lastGood, untilEpochMs: NOON_EPOCH_MS + untilMs });
});
