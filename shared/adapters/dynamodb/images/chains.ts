import { collect, mapConcurrently } from '../../../concurrency.ts';
import type { Digest } from '../../../domain/image/image.ts';
import type { ChainLedger } from '../../../ports/ledger.ts';
import { chainPartition } from '../table/items.ts';
import { INDEXES } from '../table/keys.ts';
import type { LedgerTable } from '../table/table.ts';

const CHAINS_AT_ONCE = 16;

/**
 * Images by their layers and by their unpacked layers: one query per chain. An image is in the index by its layers
 * while it may be a parent, and its content by the unpacked layers.
 */
export class DynamoChains implements ChainLedger {
  readonly #table: LedgerTable;

  constructor(table: LedgerTable) {
    this.#table = table;
  }

  async imagesOf(chains: readonly string[]): Promise<readonly Digest[]> {
    const found = await mapConcurrently([...new Set(chains)], CHAINS_AT_ONCE, async (chain) => {
      const question = { expression: 'openPk = :chain', values: { ':chain': chainPartition(chain) } };
      const items = await collect(this.#table.items({ index: INDEXES.open, ...question }));
      return items.map(({ openSk }) => openSk as Digest);
    });
    return [...new Set(found.flat())];
  }
}
