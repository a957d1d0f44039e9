import { unreadableText } from '../domain/common/unreadable-item.ts';
import { LedgerItemUnreadableError } from '../ports/errors.ts';

/** Collects the items of the ledger that some work could not read, so that the rest of the work goes on. */
export class SetAside {
  readonly #items = new Set<string>();

  /** What work over one item comes to; `undefined` where that item cannot be read. */
  async unlessUnreadable<Done>(work: Promise<Done>): Promise<Done | undefined> {
    try {
      return await work;
    } catch (error) {
      if (!(error instanceof LedgerItemUnreadableError)) throw error;
      this.#items.add(unreadableText(error));
      return undefined;
    }
  }

  /** Each item once, with its problem. */
  items(): readonly string[] {
    return [...this.#items].sort();
  }
}
