import { collect } from '../../shared/concurrency.ts';
import { counted } from '../../shared/domain/common/counted.ts';
import { messageIn } from '../../shared/domain/common/failure-text.ts';
import { outcomesInWords, type ReviewRecord, type RunTotals } from '../../shared/domain/review/run.ts';
import { decisiveFailures } from '../../shared/domain/review/run-gate.ts';
import { type RunFailure, sumRun } from '../../shared/domain/review/run-summary.ts';
import { isOverdue } from '../../shared/domain/rollout/closure.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { RunLedger } from '../../shared/ports/ledger.ts';
import type { Policies } from '../../shared/ports/policies.ts';
import type { RolloutLedger } from '../../shared/ports/rollout-ledger.ts';
import type { RunFiles } from '../../shared/ports/run-files.ts';
import { expectedParts } from '../../shared/review/expected-parts.ts';
import { policyOfRun } from '../../shared/review/policy-in-force.ts';
import { RunNotRecordedError } from './errors.ts';
import type { ReviewActionInput } from './input.ts';

const FAILURES_NAMED = 5;
const LONGEST_SUMMARY = 4000;

export interface CloseReviewPorts {
  readonly policies: Policies;
  readonly runs: RunLedger;
  readonly rollouts: Pick<RolloutLedger, 'openClosures'>;
  readonly files: RunFiles;
  readonly clock: Clock;
}

export interface ClosedReview {
  readonly state: 'succeeded' | 'failed';
  readonly totals: RunTotals;
  /** A sentence for a person: what was done, or what is missing. */
  readonly summary: string;
  /** The reviewed part: the whole fleet, or some scopes. */
  readonly scopeKey: string;
  /** Images that a verified rebuild replaced and that still run after the policy's time limit. */
  readonly closuresOverdue: number;
}

/**
 * Decides the result of a review. It succeeded exactly if every scope, registry and batch recorded its part, no
 * counting part failed, every image has an outcome, and closures were checked. Writes the final record and releases the
 * lease. A closed review keeps its result.
 */
export async function closeReview(ports: CloseReviewPorts, step: ReviewActionInput<'close'>): Promise<ClosedReview> {
  const { runs, rollouts, files, clock } = ports;
  const { runId, closures } = step;
  const review = await runs.get(runId);
  if (!review) throw new RunNotRecordedError(runId);
  const { policy } = await policyOfRun(ports, step);
  const expected = await expectedParts(files, runId);
  const sum = sumRun(expected, await collect(runs.parts(runId)));
  const gate = { scopes: expected.scopes, policy, nowEpochMs: review.startedAtEpochMs };
  const closed = closedAs(sum.totals, [...decisiveFailures(sum, gate), ...uncheckedClosures(closures)]);
  // Also for a closed review: an attempt that died after its first write left the lease behind.
  await runs.finish(review.state === 'running' ? endedReview(review, closed, clock()) : review);
  const open = await collect(rollouts.openClosures());
  const closuresOverdue = open.filter((closure) => isOverdue(closure, clock())).length;
  return { ...closed, scopeKey: review.scopeKey, closuresOverdue };
}

type Outcome = Omit<ClosedReview, 'scopeKey' | 'closuresOverdue'>;

type Decisive = Omit<RunFailure, 'kind'> & { readonly kind: RunFailure['kind'] | 'closures' };

/** The record of the review is missing, so its parts are unknown. */
const uncheckedClosures = ({
  Error: error,
  Cause: cause,
}: ReviewActionInput<'close'>['closures']): readonly Decisive[] =>
  error === undefined ? [] : [{ kind: 'closures', key: 'of verified rebuilds', error, detail: messageIn(cause) }];

function closedAs(totals: RunTotals, decisive: readonly Decisive[]): Outcome {
  return decisive.length === 0
    ? { state: 'succeeded', totals, summary: totalsInWords(totals) }
    : { state: 'failed', totals, summary: failuresInWords(decisive) };
}

const endedReview = (review: ReviewRecord, { state, totals, summary }: Outcome, now: number): ReviewRecord => ({
  ...review,
  state,
  totals,
  endedAtEpochMs: now,
  ...(state === 'failed' && { failure: { error: 'FleetReviewIncomplete', detail: summary } }),
});

function failuresInWords(failures: readonly Decisive[]): string {
  const named = failures
    .slice(0, FAILURES_NAMED)
    .map(({ kind, key, error, detail }) => `${kind} ${key}: ${error}: ${detail}`);
  const more = failures.length - named.length;
  return [...named, ...(more > 0 ? [`and ${more} more`] : [])].join('; ').slice(0, LONGEST_SUMMARY);
}

const totalsInWords = ({ ancestors, ...running }: RunTotals): string =>
  [
    `${counted(running.found, 'image')}: ${outcomesInWords(running)}`,
    ...(ancestors && ancestors.found > 0
      ? [
          `and ${counted(ancestors.found, 'image')} that ${ancestors.found === 1 ? 'does' : 'do'} not run: ${outcomesInWords(ancestors)}`,
        ]
      : []),
  ].join('; ');
