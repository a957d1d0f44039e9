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

/** Longer than the builds of any fleet of a demo take. */
const LIMIT_MS = 10 * 60_000;
const POLL_MS = 300;

interface Reviewed {
  readonly execution: Execution;
  readonly review: ReviewRecord;
}

interface Telling {
  readonly progress: Progress;
  readonly names: Names;
  /** Keys of the news that were told. */
  readonly told: Set<string>;
  /** Whether it was told what the first review found. */
  isFound: boolean;
}

interface Acted {
  readonly reviews: ActResult['reviews'];
  readonly admitted: readonly string[];
  readonly last: Reviewed;
}

/** A review that did not leave a record; the message says how its execution ended. */
export class NoReviewError extends Error {
  override readonly name = 'NoReviewError';
}

/**
 * Reviews a fleet and waits until nobody has anything left to do. Where something was rebuilt, a second review proves
 * that nothing old runs any more; where that could not look everywhere, the accounts that went without a read role get
 * theirs, and a third one does.
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
  if ((await next('First review: what runs, and is it safe?', 'review')).length > 0) {
    const open = await next('Second review: does anything old still run?', 'proof');
    admitted.push(...(open.length > 0 ? unreadAccounts(installation) : []));
    for (const account of admitted) {
      progress.heading(`Nobody can look into account ${account}, so nothing is proven: now it gets its read role`);
      watch.begin('admit');
      await installation.admit(account);
    }
    if (admitted.length > 0) await next('Third review: everything', 'proof');
  }
  return { reviews: reviews.map(row), admitted, last: reviews.at(-1) as Reviewed };
}

const unreadAccounts = ({ fleet }: Installation): string[] =>
  fleet.accounts.filter(({ memberRole, state }) => !memberRole && state === 'ACTIVE').map(({ id }) => id);

/** One review and what follows from it, told while it happens. */
async function follow({ context, review }: Installation, telling: Telling): Promise<Reviewed> {
  const { progress, names } = telling;
  let over = false;
  const ended = review().finally(() => {
    over = true;
  });
  const urgentNews = async (): Promise<void> => {
    // What is urgent does not wait for the end of the review.
    for (; !over; await sleep(POLL_MS)) printNews(await readActingState(context), telling);
  };
  const [execution] = await Promise.all([ended, followReview(context, progress, () => over), urgentNews()]);
  const { ended: record } = await context.runs.latest();
  if (record) {
    // The end tells of each image what the last review found.
    if (!telling.isFound) printFound(progress, await collectReview(context, record), names);
    telling.isFound = true;
    await untilSettled(context, LIMIT_MS, (state) => printNews(state, telling));
    return { execution, review: record };
  }
  const { arn, status, error, cause } = execution;
  throw new NoReviewError(`Execution ${arn} ended ${status} and left no review: ${error ?? ''} ${cause ?? ''}`);
}

function printNews(state: ActingState, { progress, names, told }: Telling): void {
  for (const { key, isHeading, text, indent } of newsOf(state, names)) {
    if (told.has(key)) continue;
    told.add(key);
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
