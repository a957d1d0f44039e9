import { collect, mapConcurrently } from '../../../concurrency.ts';
import { sameContent } from '../../../domain/common/same-content.ts';
import type { Digest, ImageLocation } from '../../../domain/image/image.ts';
import type { ImageLoss, RepositoryLook } from '../../../domain/retention/image-expiry.ts';
import type { LossLedger } from '../../../ports/losses.ts';
import * as keys from '../table/keys.ts';
import { DynamoLosses } from './losses.ts';

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
