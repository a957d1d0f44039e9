import type { Digest, ImageLocation, Registry } from '../domain/image/image.ts';
import type { Coverage } from '../domain/scan/inspector-coverage.ts';
import type { RegistryScanning, RepositoryScanning } from '../domain/scan/registry-scanning.ts';
import type { ScanReading, ScanRequest } from '../domain/scan/scan.ts';
import type { InUse } from '../domain/scan/witness.ts';

/** Images that are read soon, one after the other. */
export type ImagesToRead = readonly { readonly digest: Digest; readonly locations: readonly ImageLocation[] }[];

/** A vulnerability scanner, called for one location of an image with the role of the registry's account. */
export interface Scanner {
  /** How the registry scans the repository; `undefined` if the registry does not let Patchwave read that. */
  scanning(location: ImageLocation): Promise<RepositoryScanning | undefined>;
  /** Amazon ECR itself ended a scan in the registry at this instant, so the registry has basic scanning then. */
  scannedByEcr(registry: Registry, atEpochMs: number): void;
  /** Requests a scan. An unclear answer (throttled, broken) is thrown. */
  start(location: ImageLocation, digest: Digest): Promise<ScanRequest>;
  /**
   * The last result, with all its findings over all pages.
   * @param knownFindings how many findings the ledger has; absent for an image without a result. None, or fewer, are
   * confirmed once more, because findings also vanish when a scanner stops to scan the image
   */
  read(location: ImageLocation, digest: Digest, knownFindings?: number): Promise<ScanReading>;
  /** These images are read next: the scanner may read them in fewer calls. The next such list replaces this one. */
  readsNext(images: ImagesToRead): Promise<void>;
}

/** One image in one repository, as Amazon Inspector covers it. */
export interface CoveredImage {
  readonly repository: string;
  readonly digest: Digest;
  readonly coverage: Coverage;
  /** Absent if Inspector sees no task of ECS and no pod of EKS that runs it. */
  readonly inUse?: InUse;
}

/** What a registry says about its scans as a whole. */
export interface RegistryScans {
  /** @throws RegistryUnreachableError */
  configuration(registry: Registry): Promise<RegistryScanning>;
  /** Each image of the registry that Amazon Inspector lists, page by page. @throws RegistryUnreachableError */
  coverage(registry: Registry): AsyncIterable<readonly CoveredImage[]>;
}

/** What a review read about the scans of its registries, once each. */
export interface ReviewedScans {
  /** `undefined` if the review did not read it. */
  configuration(registry: Registry): Promise<RegistryScanning | undefined>;
  /** `undefined` if the review did not read it; without `coverage` if Amazon Inspector did not list the image. */
  coverage(location: ImageLocation, digest: Digest): Promise<ReviewedCoverage | undefined>;
}

export interface ReviewedCoverage {
  readonly readAtEpochMs: number;
  readonly coverage?: Coverage;
}
