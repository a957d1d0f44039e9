import { collect, mapConcurrently } from '../../concurrency.ts';
import type { Digest } from '../../domain/image.ts';
import type { ChainLedger } from '../../ports/ledger.ts';
import { chainPartition } from './items.ts';
import { INDEXES } from './keys.ts';
import type { LedgerTable } from './table.ts';

const CHAINS_AT_ONCE = 16;

/** Images by their layers: one question for each chain, of the index that an image is in as long as others may stand on it. */
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
    return found.flat();
  }
}
