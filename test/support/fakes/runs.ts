import { type ReviewRecord, type RunPart, WHOLE_FLEET } from '../../../shared/domain/review/run.ts';
import type { Abandonment, BeginReply, RunLedger } from '../../../shared/ports/ledger.ts';
import { copied } from './copied.ts';

/** Runs, their parts and the one lease in memory. Time is the start of the review that asks. */
export class FakeRunLedger implements RunLedger {
  readonly #runs = new Map<string, ReviewRecord>();
  readonly #parts = new Map<string, Map<string, RunPart>>();
  readonly #abandoned = new Map<string, Abandonment>();
  #lease: ReviewRecord | undefined;
  #ended: ReviewRecord | undefined;
  #fleetEnded: ReviewRecord | undefined;

  async begin(review: ReviewRecord): Promise<BeginReply> {
    const abandoned = this.#abandoned.get(review.runId);
    if (abandoned) return { begun: false, abandoned };
    const held = this.#lease;
    if (held && held.runId !== review.runId && held.leaseUntilEpochMs > review.startedAtEpochMs) {
      return { begun: false, running: copied(held) };
    }
    this.#lease = copied(review);
    this.#runs.set(review.runId, copied(review));
    return { begun: true };
  }

  async abandon(runId: string, abandonment: Abandonment): Promise<void> {
    if (!this.#abandoned.has(runId)) this.#abandoned.set(runId, copied(abandonment));
  }

  /** Takes the lease and writes nothing else, as a process does that dies in between. */
  hold(review: ReviewRecord): void {
    this.#lease = copied(review);
  }

  async get(runId: string): Promise<ReviewRecord | undefined> {
    return copied(this.#runs.get(runId));
  }

  async latest(): Promise<{ readonly ended?: ReviewRecord; readonly running?: ReviewRecord }> {
    return {
      ...(this.#ended && { ended: copied(this.#ended) }),
      ...(this.#lease && { running: copied(this.#lease) }),
    };
  }

  async latestOfFleet(): Promise<ReviewRecord | undefined> {
    return copied(this.#fleetEnded);
  }

  async recordPart(runId: string, part: RunPart): Promise<void> {
    const parts = this.#parts.get(runId) ?? new Map<string, RunPart>();
    parts.set(`${part.kind}#${part.key}`, copied(part));
    this.#parts.set(runId, parts);
  }

  async *parts(runId: string): AsyncIterable<RunPart> {
    const parts = [...(this.#parts.get(runId) ?? [])].sort(([one], [other]) => (one < other ? -1 : 1));
    for (const [, part] of parts) yield copied(part);
  }

  async finish(review: ReviewRecord): Promise<void> {
    this.#runs.set(review.runId, copied(review));
    if ((this.#ended?.startedAtEpochMs ?? 0) <= review.startedAtEpochMs) this.#ended = copied(review);
    if (review.scopeKey === WHOLE_FLEET && (this.#fleetEnded?.startedAtEpochMs ?? 0) <= review.startedAtEpochMs)
      this.#fleetEnded = copied(review);
    if (this.#lease?.runId === review.runId) this.#lease = undefined;
  }
}
