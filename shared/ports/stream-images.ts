import type { Digest } from '../domain/image/image.ts';

/**
 * Images of a stream, so that whoever runs old ones can be found; and those of a place (`locationKey`) that no stream
 * made, but that others may be built upon: branch builds of a base, and what was there before its tags were watched.
 */
export interface StreamImages {
  /** Keeps the earliest push told; writes nothing where nothing is new. */
  record(stream: string, image: { readonly digest: Digest; readonly pushedAtEpochMs?: number }): Promise<void>;
  /** Also images that the policy has given another stream since: the record of the image says of which it is. */
  of(stream: string): AsyncIterable<Digest>;
}
