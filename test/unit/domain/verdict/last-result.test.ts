import { goodUntilEpochMs } from '../../../../shared/domain/verdict/last-result.ts';
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
