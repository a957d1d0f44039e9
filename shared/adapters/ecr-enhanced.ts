import type { EnhancedImageScanFinding, VulnerablePackage } from '@aws-sdk/client-ecr';
import { isDigest } from '../domain/image/image.ts';
import type { Finding, Fix } from '../domain/scan/finding.ts';
import { type ReadEnhanced, severityOf } from './ecr-scanner.ts';

/**
 * A result of Amazon Inspector through ECR. The status of an image that it watches (`CONTINUOUS_SCAN`) stays ACTIVE:
 * findings are added when vulnerabilities become known, and the completion time may not change for weeks. Only the
 * completion time shows whether its findings are complete; without it, no findings may mean none yet.
 */
export const readEnhanced: ReadEnhanced = (lastPage, enhanced) => {
  const status = lastPage?.imageScanStatus?.status;
  const completedAtEpochMs = lastPage?.imageScanFindings?.imageScanCompletedAt?.getTime();
  if (completedAtEpochMs === undefined || (status !== 'ACTIVE' && status !== 'COMPLETE')) return undefined;
  const findings = enhanced.filter((one) => one.status !== 'CLOSED').flatMap(enhancedFindings);
  const watched = status === 'ACTIVE' ? { isWatched: true as const } : {};
  return { outcome: 'complete', completedAtEpochMs, findings, coverage: ['os', 'language'], ...watched };
};

/**
 * One finding per package version; a finding without a package counts too, by its title if it has no identifier.
 * Whether a fix exists is given for each package, or for all together.
 * https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_VulnerablePackage.html
 */
function enhancedFindings({
  title = '',
  severity,
  fixAvailable,
  packageVulnerabilityDetails: { vulnerabilityId = '', sourceUrl, vulnerablePackages = [] } = {},
}: EnhancedImageScanFinding): Finding[] {
  const unnamed: VulnerablePackage = { name: vulnerabilityId === '' ? title : '' };
  return (vulnerablePackages.length > 0 ? vulnerablePackages : [unnamed]).map(
    ({ name = '', version = '', release, epoch, fixedInVersion: fixedIn, sourceLayerHash }) => ({
      vulnerability: vulnerabilityId,
      package: name,
      version: `${epoch ? `${epoch}:` : ''}${version}${release ? `-${release}` : ''}`,
      severity: severityOf(severity),
      ...(fixedIn !== undefined && fixedIn !== 'NotAvailable'
        ? { fix: 'yes' as const, fixedIn }
        : { fix: fixedIn === undefined ? (FIXES[fixAvailable ?? ''] ?? 'unknown') : 'no' }),
      ...(sourceUrl !== undefined && { uri: sourceUrl }),
      ...(isDigest(sourceLayerHash) && { layer: sourceLayerHash }),
    }),
  );
}

const FIXES: Readonly<Record<string, Fix>> = { YES: 'yes', NO: 'no' };
