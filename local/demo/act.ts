import { setTimeout as sleep } from 'node:timers/promises';
import { type ActingState, readActingState } from '../../cli/acting/acting.ts';
import { collect } from '../../shared/concurrency.ts';
import type { ReviewRecord } from '../../shared/domain/review/run.ts';
import type { Execution, Installation } from '../installation.ts';
import { newsOf } from './act-news.ts';
import { CascadesSeen } from './cascades-seen.ts';
import { collect as collectReview } from './collect.ts';
import { collectAct } from './collect-act.ts';
import { followReview } from './follow.ts';
import { messagesUnderWay } from './messages-under-way.ts';
import type { Names } from './names.ts';
import { printFound } from './print-found.ts';
import type { Progress } from './progress.ts';
import type { ActResult } from './result-act.ts';
import { awaited, sentencesOf } from './sentences.ts';
import { settle } from './settle.ts';
import type { Stopwatch } from './stopwatch.ts';
import type { Story } from './story.ts';
import { foundSentences, proofSentences } from './story-found.ts';

/** Longer than the builds of any demo fleet. */
const LIMIT_MS = 10 * 60_000;
const POLL_MS = 300;
const REVIEWING = 'the review of every account and image';

interface Reviewed {
  readonly execution: Execution;
  readonly review: ReviewRecord;
  /** Why the demo did not wait for the end of all work. */
  readonly gaveUp?: string;
}

export interface Telling {
  readonly story: Story;
  /** Every detail, or silent. */
  readonly details: Progress;
  readonly names: Names;
  /** The alarm that a failed cascade sets off. */
  readonly alarm: string | undefined;
  /** Called once, when the first plan is there and nothing of it is built. */
  readonly onPlan: () => Promise<void>;
}

interface Acted {
  readonly reviews: ActResult['reviews'];
  readonly admitted: readonly string[];
  readonly gaveUp: readonly string[];
  readonly last: Reviewed;
}

/** A review without a record in the ledger; the message says how its execution ended. */
export class NoReviewError extends Error {
  override readonly name = 'NoReviewError';
}

const ORDINALS = ['First', 'Second', 'Third', 'Fourth', 'Fifth', 'Sixth'] as const;

/**
 * Reviews a fleet and waits until all work is done. After rebuilds, another review proves that no old image runs; the
 * new images may lead to further rebuilds, and these to another review. If that review could not read every account,
 * the missing read roles are created before the next one.
 */
export async function reviewAndAct(installation: Installation, watch: Stopwatch, telling: Telling): Promise<Acted> {
  const { story, names } = telling;
  const { context } = installation;
  const teller = new Teller(installation, telling);
  const reviews: Reviewed[] = [];
  const gaveUp: string[] = [];
  const admitted: string[] = [];
  for (const ordinal of ORDINALS) {
    const question =
      reviews.length === 0 ? 'which images run, and what is wrong with them' : 'does an old image still run';
    story.begin(`${ordinal} review: ${question}?`);
    watch.begin(reviews.length === 0 ? 'review' : 'proof');
    const cascadesBefore = teller.cascades;
    const reviewed = await follow(installation, telling, teller, reviews.length === 0);
    reviews.push(reviewed);
    if (reviewed.gaveUp !== undefined) {
      gaveUp.push(reviewed.gaveUp);
      break;
    }
    const hasNews = teller.cascades > cascadesBefore;
    const isOpen = (await collect(context.rollouts.openClosures())).length > 0;
    const unread = isOpen && !hasNews && admitted.length === 0 ? unreadAccounts(installation) : [];
    if (!(isOpen && hasNews) && unread.length === 0) break;
    if (reviews.length === ORDINALS.length) gaveUp.push(`Review ${reviews.length} led to further rebuilds`);
    for (const account of unread) {
      story.say(`Lets Patchwave read account ${account} too, where old images may run`);
      watch.begin('admit');
      await installation.admit(account);
      admitted.push(account);
    }
  }
  for (const text of gaveUp) story.say(`Gives up waiting. ${text}`);
  for (const sentence of proofSentences(await collectAct(context), names)) story.say(sentence);
  return { reviews: reviews.map(row), admitted, gaveUp, last: reviews.at(-1) as Reviewed };
}

const unreadAccounts = ({ fleet }: Installation): string[] =>
  fleet.accounts.filter(({ memberRole, state }) => !memberRole && state === 'ACTIVE').map(({ id }) => id);

/** Runs one review, tells its progress, and waits for all work that follows from it. */
async function follow(
  installation: Installation,
  telling: Telling,
  teller: Teller,
  isFirst: boolean,
): Promise<Reviewed> {
  const { context, review } = installation;
  const { story, details, names } = telling;
  let over = false;
  const ended = review().finally(() => {
    over = true;
  });
  story.waitFor(() => REVIEWING);
  const urgentNews = async (): Promise<void> => {
    // Urgent rebuilds begin before the review ends.
    for (; !over; await sleep(POLL_MS)) await teller.tell(await readActingState(context), true);
  };
  const [execution] = await Promise.all([ended, followReview(context, details, () => over), urgentNews()]);
  const { ended: record } = await context.runs.latest();
  if (record) {
    const found = await collectReview(context, record);
    // Only once: the end of the demo lists each image of the last review.
    if (isFirst) {
      for (const sentence of foundSentences(found, names)) story.say(sentence);
      printFound(details, found, names);
    }
    const gaveUp = await teller.untilSettled();
    return { execution, review: record, ...(gaveUp !== undefined && { gaveUp }) };
  }
  const { arn, status, error, cause } = execution;
  throw new NoReviewError(`Execution ${arn} ended ${status} without a review record: ${error ?? ''} ${cause ?? ''}`);
}

/** Tells what the ledger says of rebuilds and deployments. */
class Teller {
  readonly #installation: Installation;
  readonly #telling: Telling;
  readonly #seen: CascadesSeen;
  readonly #underWay: () => Promise<readonly string[]>;
  readonly #printed = new Set<string>();
  #quietCascades = 0;
  #isPlanShown = false;

  constructor(installation: Installation, telling: Telling) {
    this.#installation = installation;
    this.#telling = telling;
    this.#seen = new CascadesSeen(installation.context);
    this.#underWay = messagesUnderWay(installation);
  }

  /** The number of cascades that were seen so far. */
  get cascades(): number {
    return this.#seen.all.length;
  }

  async tell(state: ActingState, isReviewing = false): Promise<void> {
    const { story, names, alarm, onPlan } = this.#telling;
    const seen = await this.#seen.update(state.cascades);
    if (seen.length > 0 && !this.#isPlanShown) {
      this.#isPlanShown = true;
      await onPlan();
    }
    const what = state.cascades.length > 0 || !isReviewing ? awaited(state.causes, state.cascades, names) : undefined;
    story.waitFor(() => what ?? (isReviewing ? REVIEWING : 'what may follow from the new images'));
    story.news(sentencesOf(state, seen, { names, alarm }));
    this.#detail({ ...state, cascades: seen });
  }

  /** @returns why it gave up, or `undefined` */
  async untilSettled(): Promise<string | undefined> {
    const gaveUp = await settle({
      context: this.#installation.context,
      limitMs: LIMIT_MS,
      onState: (state) => this.tell(state),
      underWay: this.#underWay,
      onWait: (queues) =>
        this.#telling.story.waitFor(() =>
          queues.length > 0
            ? `messages in ${queues.length === 1 ? 'the queue' : 'the queues'} ${queues.join(', ')}`
            : 'what may follow from the new images',
        ),
      hasNewImages: () => this.#seen.all.length > this.#quietCascades,
    });
    this.#quietCascades = this.#seen.all.length;
    return gaveUp;
  }

  #detail(state: ActingState): void {
    const { details, names } = this.#telling;
    for (const { key, isHeading, text, indent } of newsOf(state, names)) {
      if (this.#printed.has(key)) continue;
      this.#printed.add(key);
      if (isHeading) details.heading(text);
      else details.text(text, indent);
    }
  }
}

const row = ({ execution, review }: Reviewed): ActResult['reviews'][number] => ({
  runId: review.runId,
  executionArn: execution.arn,
  status: execution.status,
  outcomes: { ...(review.totals?.outcomes ?? { compliant: 0, violating: 0, unknown: 0, failed: 0 }) },
});
