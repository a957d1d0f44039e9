import { type Digest, type ImageLocation, locationKey } from '../../../shared/domain/image/image.ts';
import type { ImageLoss, RepositoryLook } from '../../../shared/domain/retention/image-expiry.ts';
import type { KnownLosses, LossLedger } from '../../../shared/ports/losses.ts';
import { copied } from './copied.ts';

/** Losses of images, in memory. */
export class FakeLossLedger implements LossLedger {
  readonly #looks = new Map<string, RepositoryLook>();
  readonly #losses = new Map<string, Map<Digest, ImageLoss>>();

  async record(look: RepositoryLook, losses?: readonly ImageLoss[]): Promise<void> {
    const key = locationKey(look.location);
    const known = this.#losses.get(key);
    if (losses) {
      const told = losses.map((loss) => ({
        ...loss,
        foundAtEpochMs: known?.get(loss.digest)?.foundAtEpochMs ?? loss.foundAtEpochMs,
      }));
      this.#losses.set(key, new Map(copied(told).map((loss) => [loss.digest, loss])));
    }
    this.#looks.set(key, copied(look));
  }

  async forget(location: ImageLocation): Promise<void> {
    this.#looks.delete(locationKey(location));
    this.#losses.delete(locationKey(location));
  }

  async *looks(): AsyncIterable<RepositoryLook> {
    for (const key of [...this.#looks.keys()].sort()) yield copied(this.#looks.get(key)) as RepositoryLook;
  }

  async *of(location: ImageLocation): AsyncIterable<ImageLoss> {
    const losses = this.#losses.get(locationKey(location)) ?? new Map<Digest, ImageLoss>();
    for (const digest of [...losses.keys()].sort()) yield copied(losses.get(digest)) as ImageLoss;
  }

  async ofImage(digest: Digest, locations: readonly ImageLocation[]): Promise<KnownLosses> {
    const keys = locations.map(locationKey);
    return copied({
      losses: keys.flatMap((key) => this.#losses.get(key)?.get(digest) ?? []),
      looks: keys.flatMap((key) => this.#looks.get(key) ?? []),
    });
  }
}
