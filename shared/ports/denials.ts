import type { ExpectedDenial } from '../domain/admission/expected-denial.ts';
import { type DeniedTask, hourOf, type StartDenial } from '../domain/admission/start-denial.ts';
import type { Cluster } from '../domain/image/usage.ts';

/**
 * Of the webhook of one cluster in an hour, in one execution environment: who has its path may send reviews of any image and
 * namespace, and each record is an item and an event.
 */
export const MOST_DENIALS_AN_HOUR = 100;

/** The webhook of a cluster denied more images in an hour than are recorded. */
export class DenialsCutError extends Error {
  override readonly name = 'DenialsCutError';

  constructor({ account, region, cluster }: Cluster) {
    super(
      `The webhook of ${account}/${region}/${cluster} refused more than ${MOST_DENIALS_AN_HOUR} images in this hour, and the rest is not recorded. The log names each. If these images are none of yours, give the cluster a new path: somebody else has it.`,
    );
  }
}

/** Counts the denials of webhooks by cluster and hour. */
export class DenialsOfHour {
  readonly #counts = new Map<string, number>();
  #hour = 0;

  /** @throws DenialsCutError */
  count(denial: StartDenial): void {
    // Each of ECS is a deployment or a task that was there.
    if (denial.door !== 'eks-webhook') return;
    const hour = hourOf(denial);
    if (hour !== this.#hour) this.#counts.clear();
    this.#hour = hour;
    const { account, region, cluster } = denial.place;
    const key = `${account}/${region}/${cluster}`;
    const count = (this.#counts.get(key) ?? 0) + 1;
    if (count > MOST_DENIALS_AN_HOUR) throw new DenialsCutError(denial.place);
    this.#counts.set(key, count);
  }
}

/** What doors denied. */
export interface StartDenialLedger {
  /**
   * Once for each image, place and hour: a repeated denial changes nothing. The ledger keeps each for 30 days.
   * @throws DenialsCutError
   */
  record(denial: StartDenial): Promise<void>;
  /** What became of a task, the last state in place of the one before. The ledger keeps it for 30 days. */
  recordTask(task: DeniedTask, atEpochMs: number): Promise<void>;
}

/** What doors will refuse soon, as the last review of the fleet found it. */
export interface DenialLedger {
  all(): AsyncIterable<ExpectedDenial>;
  /**
   * Writes what is expected now in place of all before. A denial whose instant is the same keeps when it was found, and one
   * that did not change is not written.
   */
  replace(expected: readonly ExpectedDenial[]): Promise<void>;
}
