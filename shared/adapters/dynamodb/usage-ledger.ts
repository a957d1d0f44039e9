import type { Digest } from '../../domain/image.ts';
import type { Scope } from '../../domain/run.ts';
import type { Usage } from '../../domain/usage.ts';
import type { UsageLedger } from '../../ports/ledger.ts';
import * as keys from './keys.ts';
import { INDEXES, leftPartition, scopePartition } from './keys.ts';
import { readable, readableOrThrow } from './readable.ts';
import { below, type Item, type LedgerTable } from './table.ts';

const KEPT_AFTER_END_SECONDS = 90 * 24 * 3600;

/**
 * Usages as items of their image. A live one is in the index `scope`, one whose scope left is in another partition of it;
 * an ended one is not in it and will expire.
 */
export class DynamoUsageLedger implements UsageLedger {
  readonly #table: LedgerTable;

  constructor(table: LedgerTable) {
    this.#table = table;
  }

  live(scope: Scope): AsyncIterable<Usage> {
    return this.#in(scopePartition(scope));
  }

  left(scope: Scope): AsyncIterable<Usage> {
    return this.#in(leftPartition(scope));
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

  async leave(usages: readonly Usage[], atEpochMs: number): Promise<void> {
    await this.#table.putAll(
      usages.map((usage) => ({
        ...keys.usage(usage),
        kind: 'usage',
        ...usage,
        leftAtEpochMs: atEpochMs,
        scopePk: leftPartition(usage),
      })),
    );
  }

  ofImage(digest: Digest): Promise<readonly Usage[]> {
    return this.#ofImage(digest, scopePartition);
  }

  leftOfImage(digest: Digest): Promise<readonly Usage[]> {
    return this.#ofImage(digest, leftPartition);
  }

  async *digests(scope: Scope, state: 'live' | 'left'): AsyncIterable<Digest> {
    const prefix = keys.image('' as Digest).PK;
    const partition = state === 'live' ? scopePartition(scope) : leftPartition(scope);
    for await (const { PK } of this.#items(partition)) yield PK.slice(prefix.length) as Digest;
  }

  #items(partition: string): AsyncIterable<Item> {
    const question = { expression: 'scopePk = :scope', values: { ':scope': partition } };
    return this.#table.items({ index: INDEXES.scope, ...question });
  }

  async *#in(partition: string): AsyncIterable<Usage> {
    for await (const item of this.#items(partition)) {
      // It is noted, and its image is among `digests`. A reading of the scope writes a live usage anew; one that left stays so.
      const usage = readable(
        this.#table,
        item,
        () => usageOf(item),
        () => undefined,
      );
      if (usage) yield usage;
    }
  }

  async #ofImage(digest: Digest, partitionOf: (usage: Usage) => string): Promise<readonly Usage[]> {
    const { PK } = keys.image(digest);
    // A decision follows from it: an image that seems unused loses its mark, and a closure closes.
    const question = { ...below(PK, 'USE#'), consistent: true };
    const found: Usage[] = [];
    for await (const item of this.#table.items(question)) {
      const usage = readableOrThrow(this.#table, item, () => usageOf(item));
      if (item.scopePk === partitionOf(usage)) found.push(usage);
    }
    return found;
  }
}

function usageOf(item: Item): Usage {
  const { PK, SK, kind, scopePk, recordedAtEpochMs, leftAtEpochMs, ...usage } = item;
  return usage as unknown as Usage;
}
