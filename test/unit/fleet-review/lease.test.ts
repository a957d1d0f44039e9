import type { ReviewRecord } from '../../../shared/domain/review/run.ts';
import { runIdOf } from '../../../shared/domain/review/run-id.ts';
import type { RunLedger } from '../../../shared/ports/ledger.ts';
import { abandonReview } from '../../../shared/review/abandon.ts';
import { FakeRunLedger } from '../../support/fakes/runs.ts';

const NOW = Date.UTC(2026, 10, 25);
const executionArn = 'arn:aws:states:us-east-1:111122223333:execution:fleet-review:one';
const review: ReviewRecord = {
  runId: runIdOf(executionArn, NOW),
  mode: 'review',
  scopeKey: 'fleet',
  policyVersion: 'p',
  state: 'running',
  executionArn,
  startedAtEpochMs: NOW,
  leaseUntilEpochMs: NOW + 3_600_000,
};

const abandon = (runs: RunLedger) =>
  abandonReview([runs], () => NOW + 1000, {
    executionArn,
    executionStartedAt: NOW,
    error: { Error: 'States.Timeout', Cause: '' },
  });

/** A ledger whose last write of `finish`, the end of the lease, did not happen once. */
class Interrupted extends FakeRunLedger {
  #left = 1;
  override async finish(ended: ReviewRecord): Promise<void> {
    if (this.#left-- <= 0) return super.finish(ended);
    const lease = (await this.latest()).running;
    await super.finish(ended);
    if (lease) this.hold(lease);
    throw new Error('the process died');
  }
}

test('a review that died during its end releases its lease at the retry', async () => {
  const runs = new Interrupted();
  await runs.begin(review);
  await expect(abandon(runs)).rejects.toThrow('died');
  expect((await runs.latest()).running).toBeDefined();

  await abandon(runs);

  expect((await runs.latest()).running).toBeUndefined();
  expect(await runs.get(review.runId)).toMatchObject({ state: 'failed', failure: { error: 'States.Timeout' } });
});

test('a review that died before its record was written is found by its lease', async () => {
  const runs = new FakeRunLedger();
  runs.hold(review);

  await abandon(runs);

  expect((await runs.latest()).running).toBeUndefined();
  expect(await runs.get(review.runId)).toMatchObject({ state: 'failed' });
});

test('the lease of another review is unchanged', async () => {
  const runs = new FakeRunLedger();
  const other = { ...review, runId: 'another' };
  runs.hold(other);

  await abandon(runs);

  expect((await runs.latest()).running).toEqual(other);
});

test('an execution whose review has ended leaves no mark, wherever the other kind of runs is kept', async () => {
  const [reviews, previews] = [new FakeRunLedger(), new FakeRunLedger()];
  await reviews.begin(review);
  await reviews.finish({ ...review, state: 'failed', endedAtEpochMs: NOW + 500 });

  await abandonReview([reviews, previews], () => NOW + 1000, {
    executionArn,
    executionStartedAt: NOW,
    error: { Error: 'ReviewIncomplete', Cause: '' },
  });

  expect(await reviews.get(review.runId)).toMatchObject({ state: 'failed', endedAtEpochMs: NOW + 500 });
  // A mark would keep it from beginning.
  for (const runs of [reviews, previews]) expect(await runs.begin(review)).toEqual({ begun: true });
});
