import type { Digest } from '../../../domain/image/image.ts';
import { UNREADABLE_ITEM } from '../../../domain/image/image-facts.ts';
import type { ImageRecord } from '../../../domain/verdict/image-record.ts';
import type { ImageLedger } from '../../../ports/ledger.ts';
import type { Item } from '../table/item.ts';
import { IMAGE_PREFIX, imageState } from '../table/items.ts';
import * as keys from '../table/keys.ts';
import { readable } from '../table/readable.ts';
import type { LedgerTable } from '../table/table.ts';

/**
 * What stands for an image whose item cannot be read: it may run and may be a head, and nobody knows what it holds. So
 * nothing that asks after it is closed, settled or built.
 */
function unknownImage({ PK, stream }: Item): ImageRecord {
  return {
    digest: PK.slice(IMAGE_PREFIX.length) as Digest,
    tier: 'unmanaged',
    ...(typeof stream === 'string' && { stream }),
    birth: { known: false, rejected: [] },
    locations: [],
    unresolved: { code: UNREADABLE_ITEM, detail: 'Its item in the ledger cannot be read. Correct or delete it.' },
    ...{ inUse: true, isHead: false },
    scan: { state: 'failed', coverage: [] },
  };
}

/** Images by digest, for functions whose bundle need not hold how they are written down. */
export class DynamoImages implements Pick<ImageLedger, 'get'> {
  protected readonly table: LedgerTable;

  constructor(table: LedgerTable) {
    this.table = table;
  }

  async get(digests: readonly Digest[]): Promise<ReadonlyMap<Digest, ImageRecord>> {
    const items = await this.table.getAll(digests.map(keys.image));
    const records = items.flatMap(
      (item) =>
        readable(
          this.table,
          item,
          () => imageState(item).record,
          () => unknownImage(item),
        ) ?? [],
    );
    return new Map(records.map((record) => [record.digest, record]));
  }
}
