import type { Digest, ImageLocation, Platform, StreamTier } from '../image/image.ts';

/** One release line of one repository. */
export interface StreamRecord {
  readonly stream: string;
  readonly tier: StreamTier;
  readonly owner: string;
  readonly location: ImageLocation;
  readonly headTag: string;
  /** Platform -> digest; the index digest beside it where the head is multi-arch. */
  readonly head?: { readonly images: Readonly<Record<Platform, Digest>>; readonly index?: Digest };
}
