import type { Digest, ImageLocation } from '../domain/image/image.ts';
import type { ImageExpiry, RepositoryCheck } from '../domain/retention/image-expiry.ts';

/** Which images in use will expire, by the last check of each repository. One check runs at a time. */
export interface ExpiryLedger {
  /**
   * Writes a look, and what it found in the place of what was found before; an image that was told already keeps the
   * instant at which it first was.
   * @param expiries left out where the check failed: what was found before stays
   */
  record(check: RepositoryCheck, expiries?: readonly ImageExpiry[]): Promise<void>;
  /** Forgets a repository of which nothing is used any more. */
  forget(location: ImageLocation): Promise<void>;
  /** Every repository that was looked at. */
  checks(): AsyncIterable<RepositoryCheck>;
  /** What the last look at a repository found, by digest. */
  of(location: ImageLocation): AsyncIterable<ImageExpiry>;
  /** What is known of one image in some repositories. */
  ofImage(digest: Digest, locations: readonly ImageLocation[]): Promise<KnownExpiries>;
}

export interface KnownExpiries {
  readonly expiries: readonly ImageExpiry[];
  readonly checks: readonly RepositoryCheck[];
}
