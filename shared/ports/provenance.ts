import type { Digest, ImageLocation } from '../domain/image/image.ts';

/** What the builder of an image says of the build. Anybody who may push an image can write it. */
export interface Provenance {
  /** When the build ended. */
  readonly finishedAtEpochMs?: number;
  /** The images that the build read, each once; an index stands for its images. */
  readonly materials: readonly Digest[];
}

/** Provenance that is kept beside images, in an index. */
export interface ProvenanceSource {
  /**
   * The provenance of some images, or `unread` if it could not be downloaded this time. An image without usable
   * provenance is left out.
   * @param attestations the attestation of each image
   * @throws RegistryUnreachableError
   */
  provenances(
    location: ImageLocation,
    attestations: ReadonlyMap<Digest, Digest>,
  ): Promise<ReadonlyMap<Digest, Provenance | 'unread'>>;
}
