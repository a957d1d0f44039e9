import { unreadableText } from '../domain/common/unreadable-item.ts';
import { LedgerItemUnreadableError } from '../ports/errors.ts';

/** Collects unreadable ledger items during some work, so that the rest goes on. */
export class SetAside {
  readonly #items = new Set<string>();

  /** The result of work on one item; `undefined` if that item cannot be read. */
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
