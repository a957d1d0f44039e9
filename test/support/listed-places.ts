import { DynamoFleetPlaces } from '../../shared/adapters/dynamodb/images/fleet-places.ts';
import { DynamoRecordedIndexes } from '../../shared/adapters/dynamodb/images/image-index.ts';
import { DynamoPlaceLedger } from '../../shared/adapters/dynamodb/images/place-ledger.ts';
import type { LedgerTable } from '../../shared/adapters/dynamodb/table/table.ts';
import type { ImageProperties } from '../../shared/domain/image/image-properties.ts';
import type { FleetPlaces, RecordedIndexes } from '../../shared/ports/ledger.ts';

/** Places of one table, asked for by image and for many at once. */
export class ListedPlaces extends DynamoPlaceLedger implements FleetPlaces, RecordedIndexes {
  readonly #fleet: DynamoFleetPlaces;
  readonly #recorded: DynamoRecordedIndexes;

  constructor(table: LedgerTable) {
    super(table);
    this.#fleet = new DynamoFleetPlaces(table);
    this.#recorded = new DynamoRecordedIndexes(table);
  }

  locationsOf(images: readonly Pick<ImageProperties, 'digest' | 'locations'>[]) {
    return this.#fleet.locationsOf(images);
  }

  recordedSince(sinceEpochMs: number) {
    return this.#recorded.recordedSince(sinceEpochMs);
  }

  outdated() {
    return this.#recorded.outdated();
  }
}
