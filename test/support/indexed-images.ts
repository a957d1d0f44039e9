import { DynamoChains } from '../../shared/adapters/dynamodb/images/chains.ts';
import { DynamoContentLedger } from '../../shared/adapters/dynamodb/images/content-ledger.ts';
import { DynamoImageIndex } from '../../shared/adapters/dynamodb/images/image-index.ts';
import { DynamoImageLedger } from '../../shared/adapters/dynamodb/images/image-ledger.ts';
import type { LedgerTable } from '../../shared/adapters/dynamodb/table/table.ts';
import type { ChainLedger, ImageIndex } from '../../shared/ports/ledger.ts';

/** Images and the indexes that follow them, of one table. */
export class IndexedImages extends DynamoImageLedger implements ImageIndex, ChainLedger {
  readonly #index: DynamoImageIndex;
  readonly #chains: DynamoChains;

  constructor(table: LedgerTable) {
    super(table);
    this.#index = new DynamoImageIndex(table);
    this.#chains = new DynamoChains(table);
  }

  imagesOf(chains: readonly string[]) {
    return this.#chains.imagesOf(chains);
  }

  withVerdict(status: 'violating' | 'unknown') {
    return this.#index.withVerdict(status);
  }

  bornBefore(...births: Parameters<ImageIndex['bornBefore']>) {
    return this.#index.bornBefore(...births);
  }

  scannedSince(sinceEpochMs: number) {
    return this.#index.scannedSince(sinceEpochMs);
  }
}

/** Images of one table, and what they are made of. */
export const chainedImages = (table: LedgerTable) => ({
  images: new IndexedImages(table),
  contents: new DynamoContentLedger(table),
});
