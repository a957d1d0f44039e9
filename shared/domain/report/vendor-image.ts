import { type Digest, locationKey, type Tier } from '../image/image.ts';
import type { ImageRecord } from '../verdict/image-record.ts';

/** An image that a vendor made: no stream of ours, and what ours are built on. */
export interface VendorImage {
  readonly digest: Digest;
  readonly tier: Extract<Tier, 'mirrored' | 'external' | 'aws-managed'>;
  /** Where it is kept, or the names it is asked by outside ECR. */
  readonly places: readonly string[];
}

/** `undefined` of an image that is no vendor's. */
export function vendorOf({ digest, tier, locations, references = [] }: ImageRecord): VendorImage | undefined {
  if (tier !== 'mirrored' && tier !== 'external' && tier !== 'aws-managed') return undefined;
  return { digest, tier, places: [...locations.map(locationKey), ...references] };
}
