import type { Digest, ImageLocation } from '../domain/image/image.ts';
import type { ScanReading, ScanRequest } from '../domain/scan/scan.ts';

/** A vulnerability scanner, called for one location of an image with the role of the registry's account. */
export interface Scanner {
  /** Requests a scan. An unclear answer (throttled, broken) is thrown. */
  start(location: ImageLocation, digest: Digest): Promise<ScanRequest>;
  /** The last result, with all its findings over all pages. */
  read(location: ImageLocation, digest: Digest): Promise<ScanReading>;
}
