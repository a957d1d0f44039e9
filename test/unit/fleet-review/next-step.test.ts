import type { ScanProgress } from '../../../functions/fleet-review/input.ts';
import { nextReviewStep } from '../../../functions/fleet-review/next-step.ts';
import { firstProgress } from '../../../functions/fleet-review/plan-scans.ts';
import { fc } from '../../support/seeded.ts';

const MINUTE = 60_000;
const limits = { catchUpMinutes: 90, scanWaitMinutes: 30, pollSeconds: 20 };
const first = firstProgress('batches');
const polled = { ...first, polls: 1, askedAtEpochMs: 0, pending: 10 };

const at = (minutes: number, pending: number, laterMinutes?: number) => ({
  nowEpochMs: minutes * MINUTE,
  startedAtEpochMs: 0,
  pending,
  ...(laterMinutes !== undefined && { laterUntilEpochMs: laterMinutes * MINUTE }),
  limits,
});

test.each<[string, ScanProgress, ReturnType<typeof at>, Partial<ScanProgress>]>([
  ['nothing is open', first, at(0, 0), { decision: 'evaluate' }],
  ['some are open at first', first, at(0, 10), { decision: 'wait', waitSeconds: 20, polls: 1, stalledPolls: 0 }],
  ['one came', polled, at(1, 9), { decision: 'wait', stalledPolls: 0 }],
  ['none came', polled, at(1, 10), { decision: 'wait', stalledPolls: 1 }],
  ['none came for long', { ...polled, stalledPolls: 2 }, at(2, 10), { decision: 'evaluate', stalledPolls: 3 }],
  ['one came late', { ...polled, stalledPolls: 2 }, at(2, 9), { decision: 'wait', stalledPolls: 0 }],
  ['the time is over', polled, at(30, 9), { decision: 'evaluate' }],
  ['the time is almost over', polled, at(29.9, 9), { decision: 'wait' }],
  ['a window opens later', polled, at(1, 0, 40), { decision: 'wait', waitSeconds: 39 * 60 }],
  ['a window opens later, others are open', polled, at(1, 9, 40), { decision: 'wait', waitSeconds: 20 }],
  ['the window is open', polled, at(40, 0, 40), { decision: 'ask-again', caughtUp: true }],
  ['the window is open, others are', polled, at(40, 9, 40), { decision: 'ask-again', caughtUp: true }],
  ['a window beyond the catch-up time', polled, at(90, 0, 400), { decision: 'ask-again' }],
  ['it was caught up before', { ...polled, caughtUp: true }, at(41, 0, 40), { decision: 'evaluate' }],
])('%s', (_, progress, wait, expected) => {
  expect(nextReviewStep(progress, wait)).toMatchObject(expected);
});

test('after a second request the waiting time begins again', () => {
  const again = { ...nextReviewStep(polled, at(40, 5, 40)), batchesKey: 'catch-up' };
  expect(again.askedAtEpochMs).toBeUndefined();

  const next = nextReviewStep(again, at(41, 7));
  expect(next).toMatchObject({ decision: 'wait', askedAtEpochMs: 41 * MINUTE, stalledPolls: 0 });
});

test('in every case a review reaches evaluation in bounded time with at most one second request', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ pending: fc.nat(50), seconds: fc.integer({ min: 0, max: 60 }) }), {
        minLength: 400,
        maxLength: 400,
      }),
      fc.option(fc.nat(10_000), { nil: undefined }),
      (polls, laterMinutes) => {
        let progress: ScanProgress = first;
        let now = 0;
        let askings = 0;
        for (const { pending, seconds } of polls) {
          progress = { ...progress, ...nextReviewStep(progress, { ...at(0, pending, laterMinutes), nowEpochMs: now }) };
          if (progress.decision === 'evaluate') break;
          if (progress.decision === 'ask-again') {
            askings += 1;
            delete (progress as { askedAtEpochMs?: number }).askedAtEpochMs;
          }
          now += (progress.waitSeconds + seconds) * 1000;
        }
        expect(progress.decision).toBe('evaluate');
        expect(askings).toBeLessThanOrEqual(1);
        // The window, then one full wait, each overrun by one poll at most.
        expect(now).toBeLessThanOrEqual((90 + 30 + 30) * MINUTE + 4 * 80_000);
      },
    ),
    { numRuns: 300 },
  );
});
