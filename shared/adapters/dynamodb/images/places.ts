import type { Digest, ImageLocation, IndexChild } from '../../../domain/image/image.ts';
import type { LocationRecord } from '../../../domain/image/image-facts.ts';
import type { TagHolder } from '../../../domain/stream/tag-holder.ts';
import type { PlaceLedger } from '../../../ports/ledger.ts';
import { recordOf } from '../table/items.ts';
import * as keys from '../table/keys.ts';
import { readableOrThrow } from '../table/readable.ts';
import { below, type LedgerTable } from '../table/table.ts';

/** Where images are and what indexes hold, for functions whose bundle need not hold how that is written down. */
export class DynamoPlaces implements Pick<PlaceLedger, 'locations' | 'holders' | 'indexes'> {
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

  async holders(location: ImageLocation, tags: readonly string[]): Promise<ReadonlyMap<string, TagHolder>> {
    const items = await this.table.getAll(tags.map((tag) => keys.tag(location, tag)));
    return new Map(items.map((item) => [item.SK, recordOf<TagHolder>(item)]));
  }

  async indexes(digests: readonly Digest[]): Promise<ReadonlyMap<Digest, readonly IndexChild[]>> {
    const items = await this.table.getAll(digests.map(keys.index));
    const indexes = items.map((item) => recordOf<{ digest: Digest; children: readonly IndexChild[] }>(item));
    return new Map(indexes.map(({ digest, children }) => [digest, children]));
  }
}
