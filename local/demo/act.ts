import { setTimeout as sleep } from 'node:timers/promises';
import { type ActingState, readActingState } from '../../cli/acting/acting.ts';
import { collect } from '../../shared/concurrency.ts';
import type { Closure } from '../../shared/domain/cause/cascade.ts';
import type { ReviewRecord } from '../../shared/domain/review/run.ts';
import { untilSettled } from '../acting.ts';
import type { Execution, Installation } from '../installation.ts';
import { newsOf } from './act-news.ts';
import { collect as collectReview } from './collect.ts';
import { followReview } from './follow.ts';
import type { Names } from './names.ts';
import { printFound } from './print-found.ts';
import type { Progress } from './progress.ts';
import type { ActResult } from './result-act.ts';
import type { Stopwatch } from './stopwatch.ts';

/** Longer than the builds of any demo fleet. */
const LIMIT_MS = 10 * 60_000;
const POLL_MS = 300;

interface Reviewed {
  readonly execution: Execution;
  readonly review: ReviewRecord;
}

interface Telling {
  readonly progress: Progress;
  readonly names: Names;
  /** Keys of printed lines. */
  readonly printed: Set<string>;
  /** Whether the result of the first review was printed. */
  isFound: boolean;
}

interface Acted {
  readonly reviews: ActResult['reviews'];
  readonly admitted: readonly string[];
  readonly last: Reviewed;
}

/** A review without a record in the ledger; the message says how its execution ended. */
export class NoReviewError extends Error {
  override readonly name = 'NoReviewError';
}

/**
 * Reviews a fleet and waits until all work is done. After a rebuild, a second review proves that no old image runs.
 * If that review could not read every account, the missing read roles are created and a third review proves it.
 */
export async function reviewAndAct(installation: Installation, watch: Stopwatch, telling: Telling): Promise<Acted> {
  const { progress } = telling;
  const reviews: Reviewed[] = [];
  const next = async (title: string, step: string): Promise<readonly Closure[]> => {
    progress.heading(title);
    watch.begin(step);
    reviews.push(await follow(installation, telling));
    return collect(installation.context.rollouts.openClosures());
  };
  const admitted: string[] = [];
  if ((await next('First review: which images run, and are they compliant?', 'review')).length > 0) {
    const open = await next('Second review: does any old image still run?', 'proof');
    admitted.push(...(open.length > 0 ? unreadAccounts(installation) : []));
    for (const account of admitted) {
      progress.heading(
        `Patchwave could not read account ${account}, so nothing proves yet that no old image runs there. The demo now creates its read role`,
      );
      watch.begin('admit');
      await installation.admit(account);
    }
    if (admitted.length > 0) await next('Third review: does any old image run in any account?', 'proof');
  }
  return { reviews: reviews.map(row), admitted, last: reviews.at(-1) as Reviewed };
}

const unreadAccounts = ({ fleet }: Installation): string[] =>
  fleet.accounts.filter(({ memberRole, state }) => !memberRole && state === 'ACTIVE').map(({ id }) => id);

/** Runs one review and prints its progress and all work that follows. */
async function follow({ context, review }: Installation, telling: Telling): Promise<Reviewed> {
  const { progress, names } = telling;
  let over = false;
  const ended = review().finally(() => {
    over = true;
  });
  const urgentNews = async (): Promise<void> => {
    // Urgent rebuilds begin before the review ends.
    for (; !over; await sleep(POLL_MS)) printNews(await readActingState(context), telling);
  };
  const [execution] = await Promise.all([ended, followReview(context, progress, () => over), urgentNews()]);
  const { ended: record } = await context.runs.latest();
  if (record) {
    // Only once: the end of the demo lists each image of the last review.
    if (!telling.isFound) printFound(progress, await collectReview(context, record), names);
    telling.isFound = true;
    await untilSettled(context, LIMIT_MS, (state) => printNews(state, telling));
    return { execution, review: record };
  }
  const { arn, status, error, cause } = execution;
  throw new NoReviewError(`Execution ${arn} ended ${status} without a review record: ${error ?? ''} ${cause ?? ''}`);
}

function printNews(state: ActingState, { progress, names, printed }: Telling): void {
  for (const { key, isHeading, text, indent } of newsOf(state, names)) {
    if (printed.has(key)) continue;
    printed.add(key);
    if (isHeading) progress.heading(text);
    else progress.text(text, indent);
  }
}

const row = ({ execution, review }: Reviewed): ActResult['reviews'][number] => ({
  runId: review.runId,
  executionArn: execution.arn,
  status: execution.status,
  outcomes: { ...(review.totals?.outcomes ?? { compliant: 0, violating: 0, unknown: 0, failed: 0 }) },
});
