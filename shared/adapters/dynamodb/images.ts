import type { Digest } from '../../domain/image.ts';
import type { ImageRecord } from '../../domain/records.ts';
import type { ImageLedger } from '../../ports/ledger.ts';
import { imageState } from './items.ts';
import * as keys from './keys.ts';
import type { LedgerTable } from './table.ts';

/** Images by digest, for functions whose bundle need not hold how they are written down. */
export class DynamoImages implements Pick<ImageLedger, 'get'> {
  protected readonly table: LedgerTable;

  constructor(table: LedgerTable) {
    this.table = table;
  }

  async get(digests: readonly Digest[]): Promise<ReadonlyMap<Digest, ImageRecord>> {
    const items = await this.table.getAll(digests.map(keys.image));
    return new Map(items.map((item) => imageState(item).record).map((record) => [record.digest, record]));
  }
}
