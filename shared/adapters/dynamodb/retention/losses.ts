import type { Digest, ImageLocation } from '../../../domain/image/image.ts';
import type { ImageLoss, RepositoryLook } from '../../../domain/retention/image-expiry.ts';
import type { KnownLosses, LossLedger } from '../../../ports/losses.ts';
import * as keys from '../table/keys.ts';
import { StoredRecords } from '../table/stored.ts';
import type { LedgerTable } from '../table/table.ts';

/** Losses and looks, for functions that only tell of them. */
export class DynamoLosses implements Pick<LossLedger, 'looks' | 'of' | 'ofImage'> {
  protected readonly table: LedgerTable;
  protected readonly losses: StoredRecords<ImageLoss>;
  protected readonly looked: StoredRecords<RepositoryLook>;

  constructor(table: LedgerTable) {
    this.table = table;
    this.losses = new StoredRecords(table, 'loss');
    this.looked = new StoredRecords(table, 'look');
  }

  looks(): AsyncIterable<RepositoryLook> {
    return this.looked.below(keys.LOOKS);
  }

  of(location: ImageLocation): AsyncIterable<ImageLoss> {
    return this.losses.below(keys.lossesOf(location));
  }

  async ofImage(digest: Digest, locations: readonly ImageLocation[]): Promise<KnownLosses> {
    const [losses, looks] = await Promise.all([
      this.losses.getAll(locations.map((location) => keys.loss(location, digest))),
      this.looked.getAll(locations.map(keys.look)),
    ]);
    return { losses, looks };
  }
}
