import type { Digest } from '../domain/image/image.ts';

/**
 * Images of a stream, to find workloads of old ones; and images of a place (`locationKey`) without a stream that may be
 * parents: branch builds of a base, and images from before its tags were watched.
 */
export interface StreamImages {
  /** Keeps the earliest push; writes only changes. */
  record(stream: string, image: { readonly digest: Digest; readonly pushedAtEpochMs?: number }): Promise<void>;
  /** Includes images that the policy has moved to another stream since: the record of the image has its stream. */
  of(stream: string): AsyncIterable<Digest>;
}
