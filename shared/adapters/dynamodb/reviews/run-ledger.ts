import { abandonedReview, type ReviewRecord } from '../../../domain/review/run.ts';
import type { Abandonment, BeginReply, RunLedger } from '../../../ports/ledger.ts';
import { recordOf, reviewContent } from '../table/items.ts';
import type { Key } from '../table/keys.ts';
import * as keys from '../table/keys.ts';
import { DynamoLatestRuns, reviewAt } from './latest-runs.ts';
import { DynamoRunParts } from './run-parts.ts';

/** No execution lives longer than a day: what could begin late has ended by then. */
const MARK_KEPT_SECONDS = 24 * 3600;

/** Runs, their parts, the lease that lets one review run at a time, and the review that ended last. */
export class DynamoRunLedger extends DynamoRunParts implements RunLedger {
  /** Looks for a mark again last: whoever marks after that finds the record, and ends it. */
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
    // The holder gave the lease back between the two calls: ask again.
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

  /** The lease comes last: whoever takes it next finds this review ended. */
  async finish(review: ReviewRecord): Promise<void> {
    await this.#write(keys.run(review.runId), 'run', review);
    await this.table.put(
      { ...keys.latestRun, ...reviewContent('latest-run', review) },
      {
        expression: 'attribute_not_exists(PK) OR startedAtEpochMs <= :started',
        values: { ':started': review.startedAtEpochMs },
      },
    );
    await this.table.delete(keys.currentRun, { expression: 'runId = :run', values: { ':run': review.runId } });
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
