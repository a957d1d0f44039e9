import type { Digest, ImageLocation } from '../domain/image/image.ts';
import type { ImageExpiry, RepositoryCheck } from '../domain/retention/image-expiry.ts';

/** Which images in use will expire, by the last check of each repository. One check runs at a time. */
export interface ExpiryLedger {
  /**
   * Writes a check, and its findings in place of the earlier ones; an image that was already reported keeps its first
   * time.
   * @param expiries left out if the check failed: the earlier findings stay
   */
  record(check: RepositoryCheck, expiries?: readonly ImageExpiry[]): Promise<void>;
  /** Removes a repository without images in use. */
  forget(location: ImageLocation): Promise<void>;
  /** Every checked repository. */
  checks(): AsyncIterable<RepositoryCheck>;
  /** The findings of the last check of a repository, by digest. */
  of(location: ImageLocation): AsyncIterable<ImageExpiry>;
  /** The stored expiries of one image in some repositories. */
  ofImage(digest: Digest, locations: readonly ImageLocation[]): Promise<KnownExpiries>;
}

export interface KnownExpiries {
  readonly expiries: readonly ImageExpiry[];
  readonly checks: readonly RepositoryCheck[];
}
