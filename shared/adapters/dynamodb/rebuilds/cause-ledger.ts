import type { Cause } from '../../../domain/cause/cause.ts';
import { LedgerItemUnreadableError } from '../../../ports/errors.ts';
import type { CauseLedger } from '../../../ports/ledger.ts';
import type { Item } from '../table/item.ts';
import { causeContent, causeOf } from '../table/items.ts';
import * as keys from '../table/keys.ts';
import { INDEXES, OPEN } from '../table/keys.ts';
import { orUnreadable } from '../table/readable.ts';
import type { LedgerTable } from '../table/table.ts';

/** Causes, one item per stream; each change is conditional on the item that was read. */
export class DynamoCauseLedger implements CauseLedger {
  readonly #table: LedgerTable;

  constructor(table: LedgerTable) {
    this.#table = table;
  }

  async get(streams: readonly string[]): Promise<ReadonlyMap<string, Cause>> {
    const items = await this.#table.getAll(streams.map(keys.cause));
    const causes = items.flatMap(
      (item) =>
        orUnreadable(
          this.#table,
          item,
          () => causeOf(item),
          () => undefined,
        ) ?? [],
    );
    return new Map(causes.map((cause) => [cause.stream, cause]));
  }

  async change(stream: string, change: (before: Cause | undefined) => Cause | undefined): Promise<Cause | undefined> {
    let current: Cause | undefined;
    await this.#table.change(keys.cause(stream), (item) => {
      const before = item && this.#readOrThrow(item);
      const after = change(before);
      current = after ?? before;
      return after && causeContent(after);
    });
    return current;
  }

  /** @throws LedgerItemUnreadableError */
  #readOrThrow(item: Item): Cause | undefined {
    return orUnreadable(
      this.#table,
      item,
      () => causeOf(item),
      ({ PK, SK }, problem) => {
        throw new LedgerItemUnreadableError(`${PK} / ${SK}`, problem);
      },
    );
  }

  async *open(): AsyncIterable<Cause> {
    const question = { expression: 'openPk = :open', values: { ':open': OPEN.cause } };
    for await (const page of this.#table.pages({ index: INDEXES.open, ...question })) {
      const streams = page.map((item) => item.openSk as string);
      const causes = await this.get(streams);
      for (const stream of streams) {
        const cause = causes.get(stream);
        // An index lags behind its table.
        if (cause && cause.state !== 'closed') yield cause;
      }
    }
  }
}
