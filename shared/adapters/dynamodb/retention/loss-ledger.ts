import { collect, mapConcurrently } from '../../../concurrency.ts';
import { sameContent } from '../../../domain/common/same-content.ts';
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

const WRITES_AT_ONCE = 8;

/** One item for each image that is lost, and one for each look. The look comes last: it says that there are any. */
export class DynamoLossLedger extends DynamoLosses implements LossLedger {
  async record(look: RepositoryLook, losses?: readonly ImageLoss[]): Promise<void> {
    if (losses) await this.#replace(look.location, losses);
    await this.looked.put(keys.look(look.location), look);
  }

  async forget(location: ImageLocation): Promise<void> {
    await this.#replace(location, []);
    await this.table.delete(keys.look(location));
  }

  async #replace(location: ImageLocation, losses: readonly ImageLoss[]): Promise<void> {
    const known = new Map<Digest, ImageLoss>();
    for (const loss of await collect(this.of(location))) known.set(loss.digest, loss);
    const told = losses.map((loss) => ({
      ...loss,
      foundAtEpochMs: known.get(loss.digest)?.foundAtEpochMs ?? loss.foundAtEpochMs,
    }));
    const changed = told.filter((loss) => !sameContent(loss, known.get(loss.digest)));
    await mapConcurrently(changed, WRITES_AT_ONCE, (loss) => this.losses.put(keys.loss(location, loss.digest), loss));
    for (const { digest } of losses) known.delete(digest);
    await mapConcurrently([...known.keys()], WRITES_AT_ONCE, (digest) =>
      this.table.delete(keys.loss(location, digest)),
    );
  }
}
