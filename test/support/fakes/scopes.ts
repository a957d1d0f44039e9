import { keyOfScope, type Scope } from '../../../shared/domain/review/run.ts';
import type { ScopeLedger, ScopeRecord } from '../../../shared/ports/ledger.ts';
import { copied } from './copied.ts';

/** What is known of each scope's last reading, in memory. */
export class FakeScopeLedger implements ScopeLedger {
  readonly #scopes = new Map<string, ScopeRecord>();

  async get(scope: Scope): Promise<ScopeRecord | undefined> {
    return copied(this.#scopes.get(keyOfScope(scope)));
  }

  async record(record: ScopeRecord): Promise<void> {
    this.#scopes.set(keyOfScope(record.scope), copied(record));
  }

  async change(
    scope: Scope,
    change: (before: ScopeRecord | undefined) => ScopeRecord | undefined,
  ): Promise<ScopeRecord | undefined> {
    const after = change(await this.get(scope));
    if (after) await this.record(after);
    return this.get(scope);
  }

  async *all(): AsyncIterable<ScopeRecord> {
    const scopes = [...this.#scopes].sort(([one], [other]) => (one < other ? -1 : 1));
    for (const [, record] of scopes) yield copied(record);
  }

  async *clusters({ account, region }: Scope): AsyncIterable<ScopeRecord> {
    for await (const record of this.all())
      if (keyOfScope(record.scope).startsWith(`${account}/${region}/`)) yield record;
  }

  async forget(scope: Scope, _atEpochMs: number): Promise<void> {
    this.#scopes.delete(keyOfScope(scope));
  }
}
