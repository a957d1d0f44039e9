import {
  type DescribeImageScanFindingsCommandOutput,
  type ECRClient,
  type ImageScanFinding,
  paginateDescribeImageScanFindings,
  StartImageScanCommand,
} from '@aws-sdk/client-ecr';
import type { Digest, ImageLocation } from '../domain/image/image.ts';
import { SEVERITIES, type Severity } from '../domain/policy/policy-parts.ts';
import type { Finding } from '../domain/scan/finding.ts';
import type { ScanReading, ScanReason, ScanRequest, ScanStateName } from '../domain/scan/scan.ts';
import type { Scanner } from '../ports/scanner.ts';
import type { RegionalClients } from './clients.ts';
import { isRefusal } from './refusal.ts';

type Refused = Extract<ScanReading, { outcome: 'refused' }>;

type Answer = DescribeImageScanFindingsCommandOutput | undefined;

const FINDINGS_A_PAGE = 1000;

/**
 * The meaning of each scan API error for the image. LimitExceededException is not one of them: it means "not now".
 * https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_StartImageScan.html#API_StartImageScan_Errors,
 * https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImageScanFindings.html
 */
const ERRORS: Readonly<Record<string, readonly [ScanStateName, ScanReason]>> = {
  UnsupportedImageTypeException: ['unsupported', 'unsupported-type'],
  ImageNotFoundException: ['failed', 'image-not-found'],
  RepositoryNotFoundException: ['failed', 'image-not-found'],
  ImageArchivedException: ['off', 'archived'],
  ScanNotFoundException: ['off', 'never-scanned'],
  // A registry with enhanced scanning refuses manual scans.
  ValidationException: ['off', 'enhanced'],
};

/** The meaning of each status without a result (ScanStatus); others are `unknown-status`. */
const STATUSES: Readonly<Record<string, readonly [ScanStateName, ScanReason]>> = {
  // Enhanced scanning is on, and its findings are not basic scanning's.
  ACTIVE: ['off', 'enhanced'],
  FAILED: ['failed', 'scan-failed'],
  FINDINGS_UNAVAILABLE: ['failed', 'scan-failed'],
  LIMIT_EXCEEDED: ['failed', 'quota-or-scanned'],
  UNSUPPORTED_IMAGE: ['unsupported', 'unsupported-image'],
  SCAN_ELIGIBILITY_EXPIRED: ['expired', 'expired'],
  IMAGE_ARCHIVED: ['off', 'archived'],
};
const IN_PROGRESS: readonly string[] = ['IN_PROGRESS', 'PENDING'];

/**
 * LimitExceededException under our own name, renamed before the SDK's retries see it: they would take the original for
 * throttling, try eight times and slow the client down, although the answer is valid for a day.
 */
class NotNowError extends Error {
  override readonly name = 'NotNowError';
  constructor(cause: Error) {
    super(cause.message, { cause });
  }
}

const isLimit = (error: unknown): error is Error => error instanceof Error && error.name === 'LimitExceededException';

/** Amazon ECR's basic scanning: operating system packages, no word on fixes, one manual scan an image and day. */
export class EcrScanner implements Pick<Scanner, 'start' | 'read'> {
  readonly #clients: RegionalClients<ECRClient>;

  constructor(clients: RegionalClients<ECRClient>) {
    this.#clients = clients;
  }

  async start(location: ImageLocation, digest: Digest): Promise<ScanRequest> {
    const command = new StartImageScanCommand({
      repositoryName: location.repository,
      imageId: { imageDigest: digest },
    });
    command.middlewareStack.add(
      (next) => (request) =>
        next(request).catch((error: unknown) => {
          throw isLimit(error) ? new NotNowError(error) : error;
        }),
      { step: 'deserialize', priority: 'high' },
    );
    try {
      await this.#clients(location).send(command);
      return { outcome: 'requested' };
    } catch (error) {
      return error instanceof NotNowError ? { outcome: 'quota-or-scanned' } : refusedBy(error);
    }
  }

  async read(location: ImageLocation, digest: Digest): Promise<ScanReading> {
    const client = this.#clients(location);
    const input = { repositoryName: location.repository, imageId: { imageDigest: digest } };
    try {
      const findings: Finding[] = [];
      let last: Answer;
      for await (const page of paginateDescribeImageScanFindings({ client, pageSize: FINDINGS_A_PAGE }, input)) {
        findings.push(...(page.imageScanFindings?.findings ?? []).map(findingOf));
        last = page;
      }
      return readingOf(last, findings);
    } catch (error) {
      return refusedBy(error);
    }
  }
}

/** A refusal is an answer; every other error is rethrown. */
function refusedBy(error: unknown): Refused {
  if (!(error instanceof Error)) throw error;
  const { name, message } = error;
  const meaning = isRefusal(error) ? (['unreachable', 'access-denied'] as const) : ERRORS[name];
  if (!meaning) throw error;
  return refused(meaning, `${name}: ${message}`);
}

const refused = ([state, reason]: readonly [ScanStateName, ScanReason], detail: string): Refused => ({
  outcome: 'refused',
  state,
  reason,
  detail,
});

function readingOf(page: Answer, findings: readonly Finding[]): ScanReading {
  const { status = 'none', description } = page?.imageScanStatus ?? {};
  const word = [status, description].filter(Boolean).join(': ');
  if (IN_PROGRESS.includes(status)) return { outcome: 'in-progress' };
  if (page?.imageScanFindings?.enhancedFindings?.length) return refused(['off', 'enhanced'], word);
  if (status !== 'COMPLETE') return refused(STATUSES[status] ?? ['failed', 'unknown-status'], word);
  const { imageScanCompletedAt: completedAt, vulnerabilitySourceUpdatedAt: updatedAt } = page?.imageScanFindings ?? {};
  if (!completedAt) return refused(['failed', 'unknown-status'], 'ECR reported a complete scan without its time');
  const source = updatedAt ? { sourceUpdatedAtEpochMs: updatedAt.getTime() } : {};
  return { outcome: 'complete', completedAtEpochMs: completedAt.getTime(), findings, ...source };
}

function findingOf({ name, severity, uri, attributes = [] }: ImageScanFinding): Finding {
  const attribute = (key: string): string => attributes.find((one) => one.key === key)?.value ?? '';
  return {
    vulnerability: name ?? '',
    package: attribute('package_name'),
    version: attribute('package_version'),
    severity: severityOf(severity),
    fix: 'unknown',
    ...(uri ? { uri } : {}),
  };
}

export function severityOf(word = ''): Severity {
  const lower = word.toLowerCase();
  return SEVERITIES.find((known) => known === lower) ?? 'undefined';
}
