import { type Digest, type ImageLocation, locationKey } from '../../../shared/domain/image/image.ts';
import type { ImageExpiry, RepositoryCheck } from '../../../shared/domain/retention/image-expiry.ts';
import type { ExpiryLedger, KnownExpiries } from '../../../shared/ports/expiries.ts';
import { copied } from './copied.ts';

/** Expiries of images, in memory. */
export class FakeExpiryLedger implements ExpiryLedger {
  readonly #checks = new Map<string, RepositoryCheck>();
  readonly #expiries = new Map<string, Map<Digest, ImageExpiry>>();

  async record(check: RepositoryCheck, expiries?: readonly ImageExpiry[]): Promise<void> {
    const key = locationKey(check.location);
    const known = this.#expiries.get(key);
    if (expiries) {
      const dated = expiries.map((expiry) => ({
        ...expiry,
        foundAtEpochMs: known?.get(expiry.digest)?.foundAtEpochMs ?? expiry.foundAtEpochMs,
      }));
      this.#expiries.set(key, new Map(copied(dated).map((expiry) => [expiry.digest, expiry])));
    }
    this.#checks.set(key, copied(check));
  }

  async forget(location: ImageLocation): Promise<void> {
    this.#checks.delete(locationKey(location));
    this.#expiries.delete(locationKey(location));
  }

  async *checks(): AsyncIterable<RepositoryCheck> {
    for (const key of [...this.#checks.keys()].sort()) yield copied(this.#checks.get(key)) as RepositoryCheck;
  }

  async *of(location: ImageLocation): AsyncIterable<ImageExpiry> {
    const expiries = this.#expiries.get(locationKey(location)) ?? new Map<Digest, ImageExpiry>();
    for (const digest of [...expiries.keys()].sort()) yield copied(expiries.get(digest)) as ImageExpiry;
  }

  async ofImage(digest: Digest, locations: readonly ImageLocation[]): Promise<KnownExpiries> {
    const keys = locations.map(locationKey);
    return copied({
      expiries: keys.flatMap((key) => this.#expiries.get(key)?.get(digest) ?? []),
      checks: keys.flatMap((key) => this.#checks.get(key) ?? []),
    });
  }
}
