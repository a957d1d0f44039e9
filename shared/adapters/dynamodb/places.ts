import type { Digest, IndexChild } from '../../domain/image.ts';
import type { LocationRecord } from '../../domain/records.ts';
import type { PlaceLedger } from '../../ports/ledger.ts';
import { recordOf } from './items.ts';
import * as keys from './keys.ts';
import { readableOrThrow } from './readable.ts';
import { below, type LedgerTable } from './table.ts';

/** Where images are and what indexes hold, for functions whose bundle need not hold how that is written down. */
export class DynamoPlaces implements Pick<PlaceLedger, 'locations' | 'indexes'> {
  protected readonly table: LedgerTable;

  constructor(table: LedgerTable) {
    this.table = table;
  }

  async locations(digest: Digest): Promise<readonly LocationRecord[]> {
    const { PK } = keys.image(digest);
    const question = { ...below(PK, 'LOC#'), consistent: true };
    const records: LocationRecord[] = [];
    for await (const item of this.table.items(question))
      records.push(readableOrThrow(this.table, item, () => recordOf<LocationRecord>(item)));
    return records;
  }

  async indexes(digests: readonly Digest[]): Promise<ReadonlyMap<Digest, readonly IndexChild[]>> {
    const items = await this.table.getAll(digests.map(keys.index));
    const indexes = items.map((item) => recordOf<{ digest: Digest; children: readonly IndexChild[] }>(item));
    return new Map(indexes.map(({ digest, children }) => [digest, children]));
  }
}
