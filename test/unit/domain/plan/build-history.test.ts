import type { Rebuild } from '../../../../shared/domain/cause/rebuild.ts';
import { expectedBuildMs, expectedVerificationMs } from '../../../../shared/domain/plan/build-history.ts';
import { rebuild } from '../../../support/rebuild-samples.ts';
import { NOON_EPOCH_MS as NOON } from '../../../support/samples.ts';
import { fc } from '../../../support/seeded.ts';

const MINUTE_MS = 60_000;

const took = (buildMinutes: number, verifyMinutes = 1, changes: Partial<Rebuild> = {}): Rebuild =>
  rebuild('20261126T120000Z-000000000001', {
    startingAtEpochMs: NOON,
    verifyingSinceEpochMs: NOON + buildMinutes * MINUTE_MS,
    endedAtEpochMs: NOON + (buildMinutes + verifyMinutes) * MINUTE_MS,
    outcome: { result: 'fixed' },
    ...changes,
  });

const { verifyingSinceEpochMs, ...unbuilt } = took(50);
const { endedAtEpochMs, outcome, ...verifying } = took(9);
const failed: Rebuild = { ...unbuilt, outcome: { result: 'failed', reason: 'tests' } };
const takenOver = took(0, 0, { takenOverFrom: '20261125T120000Z-000000000001' });
const unverified = took(8, 120, { outcome: { result: 'unverified', reason: 'no complete scan' } });

test.each<[string, readonly Rebuild[], number | undefined, number | undefined]>([
  ['nothing was ever built', [], undefined, undefined],
  ['one build', [took(7, 3)], 7, 3],
  ['of two the mean', [took(7, 3), took(9, 4)], 8, 3.5],
  ['of three the middle one', [took(50, 1), took(7, 90), took(9, 4)], 9, 4],
  ['a build that failed says nothing', [failed, took(7, 3)], 7, 3],
  ['failed builds alone say nothing', [failed, failed], undefined, undefined],
  ['one that is being verified was built', [verifying, took(11, 3)], 10, 3],
  ['what was taken over was not built', [takenOver, took(7, 3)], 7, 3],
  ['a verification without a result is no measure', [unverified, took(8, 3)], 8, 3],
  ['a fix that did not help took its time', [took(7, 3, { outcome: { result: 'ineffective', left: [] } })], 7, 3],
  ['clocks that differ', [took(-0.5, 3)], 0, 3],
  ['the last five count', [took(1), took(1), took(1), took(2), took(2), took(60), took(60)], 1, 1],
])('%s', (_, rebuilds, buildMinutes, verifyMinutes) => {
  const ms = (minutes: number | undefined) => minutes && minutes * MINUTE_MS;
  expect(expectedBuildMs(rebuilds)).toBe(ms(buildMinutes));
  expect(expectedVerificationMs(rebuilds)).toBe(ms(verifyMinutes));
});

test('the forecast lies between the shortest and the longest counted build', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 600 }), { minLength: 1, maxLength: 12 }), (minutes) => {
      const counted = minutes.slice(0, 5).map((each) => each * MINUTE_MS);
      const expected = expectedBuildMs(minutes.map((each) => took(each)));
      expect(expected).toBeGreaterThanOrEqual(Math.min(...counted));
      expect(expected).toBeLessThanOrEqual(Math.max(...counted));
    }),
  );
});
