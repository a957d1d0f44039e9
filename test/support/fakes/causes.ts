import type { Cause } from '../../../shared/domain/cause/cause.ts';
import type { CauseLedger } from '../../../shared/ports/ledger.ts';
import { copied } from './copied.ts';

/** Causes in memory. */
export class FakeCauseLedger implements CauseLedger {
  readonly #causes = new Map<string, Cause>();

  async get(streams: readonly string[]): Promise<ReadonlyMap<string, Cause>> {
    return new Map(
      streams.flatMap((stream) => {
        const cause = this.#causes.get(stream);
        return cause ? [[stream, copied(cause)] as const] : [];
      }),
    );
  }

  async change(stream: string, change: (before: Cause | undefined) => Cause | undefined): Promise<Cause | undefined> {
    const before = copied(this.#causes.get(stream));
    const after = change(before);
    if (after) this.#causes.set(stream, copied(after));
    return after ?? before;
  }

  async *open(): AsyncIterable<Cause> {
    const causes = [...this.#causes.values()].sort((one, other) => (one.stream < other.stream ? -1 : 1));
    for (const cause of causes) if (cause.state !== 'closed') yield copied(cause);
  }
}
