import { setTimeout as sleep } from 'node:timers/promises';
import { type ActingState, readActingState } from '../../cli/acting/acting.ts';
import { collect } from '../../shared/concurrency.ts';
import type { ReviewRecord } from '../../shared/domain/review/run.ts';
import { parseStreamId } from '../../shared/domain/stream/stream.ts';
import type { Execution, Installation } from '../installation.ts';
import { newsOf } from './act-news.ts';
import { CascadesSeen } from './cascades-seen.ts';
import { collect as collectReview } from './collect.ts';
import { collectAct } from './collect-act.ts';
import { DoorAttempts, type DoorRow, homeKey } from './door-attempts.ts';
import { doorSentences } from './door-sentences.ts';
import { followReview } from './follow.ts';
import { messagesUnderWay } from './messages-under-way.ts';
import type { Names } from './names.ts';
import { printFound } from './print-found.ts';
import type { Progress } from './progress.ts';
import type { ActResult } from './result-act.ts';
import { awaited, sentencesOf } from './sentences.ts';
import { settle } from './settle.ts';
import type { Stopwatch } from './stopwatch.ts';
import { listOf, type Story } from './story.ts';
import { foundSentences, proofSentences } from './story-found.ts';

/** Longer than the builds of any demo fleet. */
const LIMIT_MS = 10 * 60_000;
const POLL_MS = 300;
/** What the doors answer to the rebuilt images, on a narrow screen. */
const LINES_OF_DOORS = 2;
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
  readonly doors: readonly DoorRow[];
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
  const { doorAttempts } = installation.fleet;
  if (doorAttempts.length > 0) {
    story.say(doorsText(doorAttempts));
    story.reserve(LINES_OF_DOORS);
  }
  const attempts = new DoorAttempts(installation);
  const reviews: Reviewed[] = [];
  const gaveUp: string[] = [];
  const admitted: string[] = [];
  for (const ordinal of ORDINALS) {
    const question =
      reviews.length === 0 ? 'which images run, and what is wrong with them' : 'does an old image still run';
    story.begin(`${ordinal} review: ${question}?`);
    watch.begin(reviews.length === 0 ? 'review' : 'proof');
    const cascadesBefore = teller.cascades;
    const reviewed = await follow(installation, telling, teller, reviews.length === 0 ? attempts : undefined);
    reviews.push(reviewed);
    if (doorAttempts.length > 0) watch.begin('doors');
    const rebuilt = await attempts.rebuilt(teller.outputs);
    for (const sentence of doorSentences(rebuilt)) story.say(sentence);
    if (rebuilt.length > 0) story.reserve(0);
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
  story.reserve(0);
  for (const text of gaveUp) story.say(`Gives up waiting. ${text}`);
  for (const sentence of proofSentences(await collectAct(context), names)) story.say(sentence);
  return { reviews: reviews.map(row), admitted, gaveUp, doors: attempts.rows, last: reviews.at(-1) as Reviewed };
}

function doorsText(attempts: Installation['fleet']['doorAttempts']): string {
  const has = (isEks: boolean): boolean => attempts.some(({ namespace }) => (namespace !== undefined) === isEks);
  const templates = [...(has(true) ? ['doors.yaml'] : []), ...(has(false) ? ['ecs-door.yaml', 'ecs-gate.yaml'] : [])];
  return `Deploys the doors: ${listOf(templates)}`;
}

const unreadAccounts = ({ fleet }: Installation): string[] =>
  fleet.accounts.filter(({ memberRole, state }) => !memberRole && state === 'ACTIVE').map(({ id }) => id);

/**
 * Runs one review, tells its progress, and waits for all work that follows from it.
 * @param attempts after the first review: who then tries to start what it found
 */
async function follow(
  installation: Installation,
  telling: Telling,
  teller: Teller,
  attempts: DoorAttempts | undefined,
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
    if (attempts) {
      for (const sentence of foundSentences(found, names)) story.say(sentence);
      printFound(details, found, names);
      await teller.besides(attempts.old(found.images));
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

  /** Follows what happens while somebody tries the doors, and tells it after what these answered. */
  async besides(attempts: Promise<readonly DoorRow[]>): Promise<void> {
    const { story } = this.#telling;
    let isOver = false;
    story.hold();
    const following = async (): Promise<void> => {
      for (; !isOver; await sleep(POLL_MS)) await this.tell(await readActingState(this.#installation.context));
    };
    const answered = attempts.finally(() => {
      isOver = true;
    });
    const [rows] = await Promise.all([answered, following()]);
    for (const sentence of doorSentences(rows)) story.say(sentence);
    story.release();
  }

  /** What rebuilds pushed that is fixed, as `DoorAttempts.rebuilt` takes it. */
  get outputs(): ReadonlyMap<string, string> {
    const nodes = this.#seen.all.flatMap((cascade) => cascade.nodes);
    return new Map(
      nodes.flatMap(({ stream, outcome, output }) =>
        outcome?.result === 'fixed' && output !== undefined
          ? [[homeKey(parseStreamId(stream).location), output] as const]
          : [],
      ),
    );
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
