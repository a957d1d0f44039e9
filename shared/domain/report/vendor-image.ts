import { type Digest, locationKey, type Tier } from '../image/image.ts';
import type { ImageRecord } from '../verdict/image-record.ts';

/** An image made by a vendor: not of our streams, but a parent of them. */
export interface VendorImage {
  readonly digest: Digest;
  readonly tier: Extract<Tier, 'mirrored' | 'external' | 'aws-managed'>;
  /** Its places, or its references outside ECR. */
  readonly places: readonly string[];
}

/** `undefined` for an image that is not a vendor's. */
export function vendorOf({ digest, tier, locations, references = [] }: ImageRecord): VendorImage | undefined {
  if (tier !== 'mirrored' && tier !== 'external' && tier !== 'aws-managed') return undefined;
  return { digest, tier, places: [...locations.map(locationKey), ...references] };
}
