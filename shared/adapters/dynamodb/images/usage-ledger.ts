import { DAY_MS } from '../../../domain/common/time.ts';
import { unreadableText } from '../../../domain/common/unreadable-item.ts';
import type { Digest } from '../../../domain/image/image.ts';
import type { EndedUsage, UnreadUsage, Usage } from '../../../domain/image/usage.ts';
import { type Scope, scopeOf } from '../../../domain/review/run.ts';
import type { UsageLedger } from '../../../ports/ledger.ts';
import type { Item } from '../table/item.ts';
import { shards } from '../table/items.ts';
import * as keys from '../table/keys.ts';
import { endedPartition, INDEXES, leftPartition, scopePartition, shardOf } from '../table/keys.ts';
import { orUnreadable, readableOrThrow } from '../table/readable.ts';
import { below, type LedgerTable } from '../table/table.ts';

const KEPT_AFTER_END_SECONDS = 90 * 24 * 3600;

/**
 * Usages as items of their image. A live one is in the index `scope`; one whose scope left, and one that ended, is in another
 * partition of it. An ended one will expire.
 */
export class DynamoUsageLedger implements UsageLedger {
  readonly #table: LedgerTable;

  constructor(table: LedgerTable) {
    this.#table = table;
  }

  live(scope: Scope): AsyncIterable<Usage> {
    return this.#readable(scope, 'live');
  }

  left(scope: Scope): AsyncIterable<Usage> {
    return this.#readable(scope, 'left');
  }

  async *all(scope: Scope, state: 'live' | 'left'): AsyncIterable<Usage | UnreadUsage> {
    for await (const item of this.#items(scope, state)) {
      let problem = '';
      const usage = orUnreadable(
        this.#table,
        item,
        () => usageOf(item),
        (_, found) => {
          problem = found;
          return undefined;
        },
      );
      yield usage ?? {
        digest: digestIn(item),
        unreadable: unreadableText({ item: `${item.PK} / ${item.SK}`, problem }),
      };
    }
  }

  async record(usages: readonly Usage[], atEpochMs: number): Promise<void> {
    await this.#table.putAll(
      usages.map((usage) => ({
        ...keys.usage(usage),
        kind: 'usage',
        ...usage,
        recordedAtEpochMs: atEpochMs,
        scopePk: scopePartition(scopeOf(usage)),
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
        scopePk: endedPartition(weekOf(atEpochMs), shardOf(usage.digest)),
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
        scopePk: leftPartition(scopeOf(usage)),
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
    for await (const item of this.#items(scope, state)) yield digestIn(item);
  }

  /** Weeks keep the number of partitions small, and most of what they hold is asked for. */
  async *endedSince(sinceEpochMs: number, nowEpochMs: number): AsyncIterable<EndedUsage> {
    for (let week = weekOf(nowEpochMs); week >= weekOf(sinceEpochMs); week -= 1) {
      for (const shard of shards) {
        const question = { expression: 'scopePk = :ended', values: { ':ended': endedPartition(week, shard) } };
        for await (const item of this.#table.items({ index: INDEXES.scope, ...question })) {
          const usage = orUnreadable(
            this.#table,
            item,
            () => usageOf(item),
            () => undefined,
          );
          const endedAtEpochMs = Number(item.endedAtEpochMs);
          if (usage && endedAtEpochMs >= sinceEpochMs) yield { ...usage, endedAtEpochMs };
        }
      }
    }
  }

  #items(scope: Scope, state: 'live' | 'left'): AsyncIterable<Item> {
    const partition = state === 'live' ? scopePartition(scope) : leftPartition(scope);
    const question = { expression: 'scopePk = :scope', values: { ':scope': partition } };
    return this.#table.items({ index: INDEXES.scope, ...question });
  }

  /** An unreadable one is noted, and its image is among `digests`. A read of the scope rewrites a live usage. */
  async *#readable(scope: Scope, state: 'live' | 'left'): AsyncIterable<Usage> {
    for await (const usage of this.all(scope, state)) if (!('unreadable' in usage)) yield usage;
  }

  async #ofImage(digest: Digest, partitionOf: (scope: Scope) => string): Promise<readonly Usage[]> {
    const { PK } = keys.image(digest);
    // Strong consistency matters: an image that seems unused loses its mark, and a closure closes.
    const question = { ...below(PK, 'USE#'), consistent: true };
    const found: Usage[] = [];
    for await (const item of this.#table.items(question)) {
      const usage = readableOrThrow(this.#table, item, () => usageOf(item));
      if (item.scopePk === partitionOf(scopeOf(usage))) found.push(usage);
    }
    return found;
  }
}

const weekOf = (epochMs: number): number => Math.floor(epochMs / (7 * DAY_MS));

const IMAGE_PREFIX = keys.image('' as Digest).PK;

const digestIn = ({ PK }: Item): Digest => PK.slice(IMAGE_PREFIX.length) as Digest;

function usageOf(item: Item): Usage {
  const { PK, SK, kind, scopePk, recordedAtEpochMs, leftAtEpochMs, endedAtEpochMs, expiresAt, ...usage } = item;
  return usage as unknown as Usage;
}
