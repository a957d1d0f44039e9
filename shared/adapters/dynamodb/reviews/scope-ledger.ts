import { parseScopeKey, type Scope } from '../../../domain/review/run.ts';
import type { ScopeLedger, ScopeRecord } from '../../../ports/ledger.ts';
import type { Item } from '../table/item.ts';
import { recordOf } from '../table/items.ts';
import * as keys from '../table/keys.ts';
import { orUnreadable } from '../table/readable.ts';
import { below, type LedgerTable, type Question } from '../table/table.ts';

/** For a scope with an unreadable item it is unknown whether it was ever read, or left. */
function unreadScope(key: string, problem: string): ScopeRecord {
  const failure = {
    error: 'LedgerItemUnreadableError',
    detail: `The ledger item of the scope cannot be read: ${problem}.`,
    sinceEpochMs: 0,
  };
  return { scope: parseScopeKey(key), failure, isUnreadable: true };
}

/** The last read of each scope: one partition, read as a whole by the report. */
export class DynamoScopeLedger implements ScopeLedger {
  readonly #table: LedgerTable;

  constructor(table: LedgerTable) {
    this.#table = table;
  }

  async get(scope: Scope): Promise<ScopeRecord | undefined> {
    return presentRecord(await this.#table.get(keys.scope(scope)));
  }

  async record(record: ScopeRecord): Promise<void> {
    await this.#table.change(keys.scope(record.scope), () => ({ kind: 'scope', ...record }));
  }

  async change(
    scope: Scope,
    change: (before: ScopeRecord | undefined) => ScopeRecord | undefined,
  ): Promise<ScopeRecord | undefined> {
    let stands: ScopeRecord | undefined;
    await this.#table.change(keys.scope(scope), (item) => {
      const before = presentRecord(item);
      const after = change(before);
      stands = after ?? before;
      return after && { kind: 'scope', ...after };
    });
    return stands;
  }

  /** The table removes the item later: no function that reads the fleet may delete from the ledger. */
  async forget(scope: Scope, atEpochMs: number): Promise<void> {
    // DynamoDB's time to live counts in seconds.
    const expiresAt = Math.floor(atEpochMs / 1000);
    await this.#table.change(keys.scope(scope), () => ({ kind: 'scope', scope, goneAtEpochMs: atEpochMs, expiresAt }));
  }

  all(): AsyncIterable<ScopeRecord> {
    // Complete, because a closure closes if none is missing.
    return this.#records({ expression: 'PK = :pk', values: { ':pk': 'SCOPES' }, consistent: true });
  }

  clusters({ account, region }: Scope): AsyncIterable<ScopeRecord> {
    return this.#records({ ...below('SCOPES', `${account}/${region}/`), consistent: true });
  }

  async *#records(question: Question): AsyncIterable<ScopeRecord> {
    for await (const item of this.#table.items(question)) {
      if (isGone(item)) continue;
      const record = orUnreadable(
        this.#table,
        item,
        () => recordOf<ScopeRecord>(item),
        ({ SK }, problem) => unreadScope(SK, problem),
      );
      if (record) yield record;
    }
  }
}

const isGone = (item: Item): boolean => item.goneAtEpochMs !== undefined;

const presentRecord = (item: Item | undefined): ScopeRecord | undefined =>
  item && !isGone(item) ? recordOf<ScopeRecord>(item) : undefined;
