import type { Scope } from '../../../domain/review/run.ts';
import type { ScopeLedger, ScopeRecord } from '../../../ports/ledger.ts';
import { recordOf } from '../table/items.ts';
import * as keys from '../table/keys.ts';
import { orUnreadable } from '../table/readable.ts';
import type { LedgerTable } from '../table/table.ts';

/** For a scope with an unreadable item it is unknown whether it was ever read, or left. */
function unreadScope(key: string, problem: string): ScopeRecord {
  const [account = '', region = ''] = key.split('/');
  const failure = {
    error: 'LedgerItemUnreadableError',
    detail: `The ledger item of the scope cannot be read: ${problem}.`,
    sinceEpochMs: 0,
  };
  return { scope: { account, region }, failure, isUnreadable: true };
}

/** The last read of each scope: one partition, read as a whole by the report. */
export class DynamoScopeLedger implements ScopeLedger {
  readonly #table: LedgerTable;

  constructor(table: LedgerTable) {
    this.#table = table;
  }

  async get(scope: Scope): Promise<ScopeRecord | undefined> {
    const item = await this.#table.get(keys.scope(scope));
    return item && recordOf<ScopeRecord>(item);
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
      const before = item && recordOf<ScopeRecord>(item);
      const after = change(before);
      stands = after ?? before;
      return after && { kind: 'scope', ...after };
    });
    return stands;
  }

  async *all(): AsyncIterable<ScopeRecord> {
    // Complete, because a closure closes if none is missing.
    const question = { expression: 'PK = :pk', values: { ':pk': 'SCOPES' }, consistent: true };
    for await (const item of this.#table.items(question)) {
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
