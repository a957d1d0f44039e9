import { abandonedReview, type ReviewRecord, type RunPart, WHOLE_FLEET } from '../../../domain/review/run.ts';
import type { Abandonment, BeginReply, RunLedger, RunParts } from '../../../ports/ledger.ts';
import { recordOf, reviewContent } from '../table/items.ts';
import type { Key } from '../table/keys.ts';
import * as keys from '../table/keys.ts';
import { below, type LedgerTable } from '../table/table.ts';

async function reviewAt(table: LedgerTable, key: Key): Promise<ReviewRecord | undefined> {
  const item = await table.get(key);
  return item && recordOf<ReviewRecord>(item);
}

/** The review that ended last and the one that runs, for functions that begin and end none. */
export class DynamoLatestRuns implements Pick<RunLedger, 'latest'> {
  readonly #table: LedgerTable;

  constructor(table: LedgerTable) {
    this.#table = table;
  }

  /**
   * The end of a review is three writes, its own record first, which triggers the event. A reader woken by the event
   * may be faster than the other two writes, so the review of a lease is checked for its end.
   */
  async latest(): ReturnType<RunLedger['latest']> {
    const [latest, lease] = await Promise.all([
      reviewAt(this.#table, keys.latestRun),
      reviewAt(this.#table, keys.currentRun),
    ]);
    const own = lease && (await reviewAt(this.#table, keys.run(lease.runId)));
    if (!own || own.state === 'running') return { ...(latest && { ended: latest }), ...(lease && { running: lease }) };
    return { ended: latest && latest.startedAtEpochMs > own.startedAtEpochMs ? latest : own };
  }
}

/** What the steps of a run leave for its end, for functions that begin and end no run. */
export class DynamoRunParts implements RunParts {
  protected readonly table: LedgerTable;

  constructor(table: LedgerTable) {
    this.table = table;
  }

  async recordPart(runId: string, part: RunPart): Promise<void> {
    await this.table.put({ ...keys.runPart(runId, part.kind, part.key), kind: 'run-part', part });
  }

  async *parts(runId: string): AsyncIterable<RunPart> {
    const { PK } = keys.run(runId);
    // Consistent: the run is summed up right after its last parts were written.
    const question = { ...below(PK, 'PART#'), consistent: true };
    for await (const item of this.table.items(question)) yield recordOf<{ part: RunPart }>(item).part;
  }
}

/** No execution lives longer than a day: what could begin late has ended by then. */
const MARK_KEPT_SECONDS = 24 * 3600;

/** Runs, their parts, the lease that lets one review run at a time, and the review that ended last. */
export class DynamoRunLedger extends DynamoRunParts implements RunLedger {
  /** Checks for a mark again last: a later marker finds the record and ends it. */
  async begin(review: ReviewRecord): Promise<BeginReply> {
    const before = await this.#abandonment(review.runId);
    if (before) return { begun: false, abandoned: before };
    const taken = await this.table.put(
      { ...keys.currentRun, ...reviewContent('lease', review) },
      {
        expression: 'attribute_not_exists(PK) OR runId = :run OR leaseUntilEpochMs <= :now',
        values: { ':run': review.runId, ':now': review.startedAtEpochMs },
      },
    );
    const running = taken ? undefined : await reviewAt(this.table, keys.currentRun);
    if (running) return { begun: false, running };
    // The holder released the lease between the two calls: try again.
    if (!taken) return this.begin(review);
    await this.#write(keys.run(review.runId), 'run', review);
    const abandoned = await this.#abandonment(review.runId);
    if (!abandoned) return { begun: true };
    await this.finish(abandonedReview(review, abandoned));
    return { begun: false, abandoned };
  }

  async abandon(runId: string, abandonment: Abandonment): Promise<void> {
    await this.table.put(
      {
        ...keys.abandonedRun(runId),
        kind: 'abandoned-run',
        ...abandonment,
        // DynamoDB's time to live counts in seconds.
        expiresAt: Math.floor(abandonment.atEpochMs / 1000) + MARK_KEPT_SECONDS,
      },
      { expression: 'attribute_not_exists(PK)' },
    );
  }

  async get(runId: string): Promise<ReviewRecord | undefined> {
    return reviewAt(this.table, keys.run(runId));
  }

  async latest(): ReturnType<RunLedger['latest']> {
    return new DynamoLatestRuns(this.table).latest();
  }

  async latestOfFleet(): Promise<ReviewRecord | undefined> {
    const { ended } = await this.latest();
    return ended?.scopeKey === WHOLE_FLEET ? ended : reviewAt(this.table, keys.latestFleetRun);
  }

  /** The lease comes last, so that its next holder finds this review ended. */
  async finish(review: ReviewRecord): Promise<void> {
    await this.#write(keys.run(review.runId), 'run', review);
    if (review.scopeKey !== WHOLE_FLEET) await this.#keepFleetRun();
    await this.#writeLatest(keys.latestRun, review);
    if (review.scopeKey === WHOLE_FLEET) await this.#writeLatest(keys.latestFleetRun, review);
    await this.table.delete(keys.currentRun, { expression: 'runId = :run', values: { ':run': review.runId } });
  }

  /** Version 0.1.0 kept only the latest run, which a review of some scopes is about to replace. */
  async #keepFleetRun(): Promise<void> {
    const latest = await reviewAt(this.table, keys.latestRun);
    if (latest?.scopeKey === WHOLE_FLEET) await this.#writeLatest(keys.latestFleetRun, latest);
  }

  async #writeLatest(key: Key, review: ReviewRecord): Promise<void> {
    await this.table.put(
      { ...key, ...reviewContent('latest-run', review) },
      {
        expression: 'attribute_not_exists(PK) OR startedAtEpochMs <= :started',
        values: { ':started': review.startedAtEpochMs },
      },
    );
  }

  async #write(key: Key, kind: 'run', review: ReviewRecord): Promise<void> {
    await this.table.put({ ...key, ...reviewContent(kind, review) });
  }

  async #abandonment(runId: string): Promise<Abandonment | undefined> {
    const item = await this.table.get(keys.abandonedRun(runId));
    if (!item) return undefined;
    const { error, detail, atEpochMs } = recordOf<Abandonment>(item);
    return { error, detail, atEpochMs };
  }
}
