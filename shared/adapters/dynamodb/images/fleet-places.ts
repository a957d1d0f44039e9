import { compareTexts } from '../../../domain/common/compare-texts.ts';
import { type Digest, locationKey } from '../../../domain/image/image.ts';
import type { ImageProperties, LocationRecord } from '../../../domain/image/image-properties.ts';
import type { FleetPlaces } from '../../../ports/ledger.ts';
import { recordOf } from '../table/items.ts';
import * as keys from '../table/keys.ts';
import { readableOrThrow } from '../table/readable.ts';
import type { LedgerTable } from '../table/table.ts';

/** The keys of places follow from the records: a hundred cost one call, not a query each. */
export class DynamoFleetPlaces implements FleetPlaces {
  readonly #table: LedgerTable;

  constructor(table: LedgerTable) {
    this.#table = table;
  }

  async locationsOf(
    images: readonly Pick<ImageProperties, 'digest' | 'locations'>[],
  ): Promise<ReadonlyMap<Digest, readonly LocationRecord[]>> {
    const places = images.flatMap(({ digest, locations }) => locations.map((place) => keys.location(digest, place)));
    const items = await this.#table.getAll(places);
    const records = items.map((item) => readableOrThrow(this.#table, item, () => recordOf<LocationRecord>(item)));
    const inOrder = records.sort((one, other) => compareTexts(locationKey(one.location), locationKey(other.location)));
    return Map.groupBy(inOrder, ({ digest }) => digest);
  }
}
