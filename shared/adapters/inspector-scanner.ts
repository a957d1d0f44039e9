import {
  type CoveredResource,
  type EcrContainerImageMetadata,
  type FilterCriteria,
  type Inspector2Client,
  paginateListCoverage,
  paginateListFindings,
  type Resource,
} from '@aws-sdk/client-inspector2';
import { piecesOf } from '../concurrency.ts';
import { imageArn, parseRepositoryName } from '../domain/image/ecr-arn.ts';
import { type Digest, isDigest, type PlacedImage, placedKey, type Registry } from '../domain/image/image.ts';
import type { Finding } from '../domain/scan/finding.ts';
import { type Coverage, weakerCoverage } from '../domain/scan/inspector-coverage.ts';
import type { InUse } from '../domain/scan/witness.ts';
import type { CoveredImage } from '../ports/scanner.ts';
import type { RegionalClients } from './clients.ts';
import { unreachable } from './ecr-manifests.ts';
import { translateFinding } from './inspector-findings.ts';
import { pagesOrUnreachable } from './refusal.ts';

/** https://docs.aws.amazon.com/inspector/v2/APIReference/API_ListCoverage.html */
const IMAGES_A_PAGE = 200;
/** https://docs.aws.amazon.com/inspector/v2/APIReference/API_ListFindings.html */
const FINDINGS_A_PAGE = 100;
/** The most values of one filter, of both calls. */
export const VALUES_A_FILTER = 10;

export interface InspectorSettings {
  readonly partition: string;
  /** The delegated administrator of Amazon Inspector, which is asked for all accounts; absent if each is asked itself. */
  readonly administrator?: string;
}

/**
 * What Amazon Inspector knows of the images in a registry. Read with the role of the registry's account, or with that of
 * the delegated administrator. Its coverage says whether an image is scanned, and its findings are all that it has.
 */
export class InspectorScanner {
  readonly #clients: RegionalClients<Inspector2Client>;
  readonly #settings: InspectorSettings;

  constructor(clients: RegionalClients<Inspector2Client>, settings: InspectorSettings) {
    this.#clients = clients;
    this.#settings = settings;
  }

  /** Every image of a registry that Inspector lists. @throws RegistryUnreachableError */
  coverage(registry: Registry): AsyncIterable<readonly CoveredImage[]> {
    return this.#coverage(registry, {});
  }

  /** The coverage of some images of one registry, by `placedKey`; missing where Inspector does not list the image. */
  async coverageOf(registry: Registry, images: readonly PlacedImage[]): Promise<ReadonlyMap<string, Coverage>> {
    const found = new Map<string, Coverage>();
    for (const piece of piecesOf(images, VALUES_A_FILTER)) {
      const ids = piece.map(({ location, digest }) => imageArn(this.#settings.partition, location, digest));
      for await (const page of this.#coverage(registry, { resourceId: ids.map(equals) }))
        for (const { repository, digest, coverage } of page) {
          const key = placedKey(repository, digest);
          found.set(key, weakerCoverage(coverage, found.get(key)));
        }
    }
    return found;
  }

  /**
   * The open findings of some images of one registry, by `placedKey`, each once.
   * @throws RegistryUnreachableError
   */
  async findingsOf(registry: Registry, digests: readonly Digest[]): Promise<ReadonlyMap<string, readonly Finding[]>> {
    const found = new Map<string, Finding[]>();
    const seen = new Set<string>();
    for (const piece of piecesOf([...new Set(digests)], VALUES_A_FILTER)) {
      const filterCriteria: FilterCriteria = {
        awsAccountId: [equals(registry.account)],
        resourceType: [equals('AWS_ECR_CONTAINER_IMAGE')],
        ecrImageHash: piece.map(equals),
        // A person who suppresses a finding in Inspector waives nothing here.
        findingStatus: [equals('ACTIVE'), equals('SUPPRESSED')],
      };
      const pages = paginateListFindings(
        { client: this.#client(registry), pageSize: FINDINGS_A_PAGE },
        { filterCriteria },
      );
      for await (const { findings = [] } of pagesOrUnreachable(pages, unreachable(registry)))
        for (const { findingArn, resources = [], status, ...finding } of findings) {
          if (status === 'CLOSED') continue;
          // A finding that changes while the pages are read may be in two of them.
          if (findingArn !== undefined && seen.has(findingArn)) continue;
          if (findingArn !== undefined) seen.add(findingArn);
          const keys = resources.flatMap(imageKey);
          if (keys.length === 0) throw new Error(`Amazon Inspector names no image for its finding ${findingArn}`);
          for (const key of keys) {
            const ofImage = found.get(key) ?? [];
            ofImage.push(...translateFinding(finding));
            found.set(key, ofImage);
          }
        }
    }
    return found;
  }

  async *#coverage(
    registry: Registry,
    criteria: { readonly resourceId?: ReturnType<typeof equals>[] },
  ): AsyncIterable<readonly CoveredImage[]> {
    const filterCriteria = {
      accountId: [equals(registry.account)],
      resourceType: [equals('AWS_ECR_CONTAINER_IMAGE')],
      ...criteria,
    };
    const pages = paginateListCoverage({ client: this.#client(registry), pageSize: IMAGES_A_PAGE }, { filterCriteria });
    for await (const { coveredResources = [] } of pagesOrUnreachable(pages, unreachable(registry)))
      yield coveredResources.flatMap(coveredImage);
  }

  #client({ account, region }: Registry): Inspector2Client {
    return this.#clients({ account: this.#settings.administrator ?? account, region });
  }
}

/** The image of a finding by `placedKey`, by its ARN or else by its details. */
function imageKey({ id = '', details }: Partial<Resource>): readonly string[] {
  const { repository, digest } = parseRepositoryName(id);
  if (digest !== undefined) return [placedKey(repository, digest)];
  const { repositoryName, imageHash } = details?.awsEcrContainerImage ?? {};
  return repositoryName !== undefined && isDigest(imageHash) ? [placedKey(repositoryName, imageHash)] : [];
}

const equals = (value: string) => ({ comparison: 'EQUALS' as const, value });

function coveredImage({
  resourceId = '',
  scanStatus,
  lastScannedAt,
  resourceMetadata,
}: Partial<CoveredResource>): readonly CoveredImage[] {
  const { repository, digest } = parseRepositoryName(resourceId);
  if (digest === undefined) return [];
  const coverage = {
    status: scanStatus?.statusCode ?? 'none',
    reason: scanStatus?.reason ?? 'none',
    ...(lastScannedAt && { lastScannedAtEpochMs: lastScannedAt.getTime() }),
    ...(resourceMetadata?.ecrRepository?.scanFrequency === 'SCAN_ON_PUSH' && { isOnPush: true as const }),
  };
  const inUse = inUseOf(resourceMetadata?.ecrImage);
  return [{ repository, digest, coverage, ...(inUse && { inUse }) }];
}

/**
 * A use without a count or an instant proves nothing.
 * https://docs.aws.amazon.com/inspector/v2/APIReference/API_EcrContainerImageMetadata.html
 */
function inUseOf({ inUseCount: count = 0, lastInUseAt }: Partial<EcrContainerImageMetadata> = {}): InUse | undefined {
  const lastAtEpochMs = lastInUseAt?.getTime() ?? Number.NaN;
  return count > 0 && !Number.isNaN(lastAtEpochMs) ? { count, lastAtEpochMs } : undefined;
}
