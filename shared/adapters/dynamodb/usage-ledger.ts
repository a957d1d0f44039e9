import type { Digest } from '../../domain/image.ts';
import type { Scope } from '../../domain/run.ts';
import type { Usage } from '../../domain/usage.ts';
import type { UsageLedger } from '../../ports/ledger.ts';
import * as keys from './keys.ts';
import { INDEXES, scopePartition } from './keys.ts';
import { below, type Item, type LedgerTable } from './table.ts';

const KEPT_AFTER_END_SECONDS = 90 * 24 * 3600;

/** Usages as items of their image. A live one is in the index `scope`; an ended one has left it and will expire. */
export class DynamoUsageLedger implements UsageLedger {
  readonly #table: LedgerTable;

  constructor(table: LedgerTable) {
    this.#table = table;
  }

  async *live(scope: Scope): AsyncIterable<Usage> {
    const question = { expression: 'scopePk = :scope', values: { ':scope': scopePartition(scope) } };
    for await (const item of this.#table.items({ index: INDEXES.scope, ...question })) yield usageOf(item);
  }

  async record(usages: readonly Usage[], atEpochMs: number): Promise<void> {
    await this.#table.putAll(
      usages.map((usage) => ({
        ...keys.usage(usage),
        kind: 'usage',
        ...usage,
        recordedAtEpochMs: atEpochMs,
        scopePk: scopePartition(usage),
      })),
    );
  }

  async end(usages: readonly Usage[], atEpochMs: number): Promise<void> {
    await this.#table.putAll(
      usages.map((usage) => ({
        ...keys.usage(usage),
        kind: 'usage',
        ...usage,
        endedAtEpochMs: atEpochMs,
        // DynamoDB's time to live counts in seconds.
        expiresAt: Math.floor(atEpochMs / 1000) + KEPT_AFTER_END_SECONDS,
      })),
    );
  }

  async ofImage(digest: Digest): Promise<readonly Usage[]> {
    const { PK } = keys.image(digest);
    // A decision follows from it: an image that seems unused loses its mark, and a closure closes.
    const question = { ...below(PK, 'USE#'), consistent: true };
    const live: Usage[] = [];
    for await (const item of this.#table.items(question)) if ('scopePk' in item) live.push(usageOf(item));
    return live;
  }
}

function usageOf(item: Item): Usage {
  const { PK, SK, kind, scopePk, recordedAtEpochMs, ...usage } = item;
  return usage as unknown as Usage;
}
