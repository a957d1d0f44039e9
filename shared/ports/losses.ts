import type { Digest, ImageLocation } from '../domain/image/image.ts';
import type { ImageLoss, RepositoryLook } from '../domain/retention/image-expiry.ts';

/** Which images in use will be lost, by the last look at each repository. One looks at a time. */
export interface LossLedger {
  /**
   * Writes a look, and what it found in the place of what was found before; an image that was told already keeps the
   * instant at which it first was.
   * @param losses left out where the look failed: what was found before stays
   */
  record(look: RepositoryLook, losses?: readonly ImageLoss[]): Promise<void>;
  /** Forgets a repository of which nothing is used any more. */
  forget(location: ImageLocation): Promise<void>;
  /** Every repository that was looked at. */
  looks(): AsyncIterable<RepositoryLook>;
  /** What the last look at a repository found, by digest. */
  of(location: ImageLocation): AsyncIterable<ImageLoss>;
  /** What is known of one image in some repositories. */
  ofImage(digest: Digest, locations: readonly ImageLocation[]): Promise<KnownLosses>;
}

export interface KnownLosses {
  readonly losses: readonly ImageLoss[];
  readonly looks: readonly RepositoryLook[];
}
