import type { Finding as InspectorFinding, VulnerablePackage } from '@aws-sdk/client-inspector2';
import { isDigest } from '../domain/image/image.ts';
import type { Finding, Fix } from '../domain/scan/finding.ts';
import { severityOf } from './ecr-scanner.ts';

/**
 * One finding per package version; a finding without a package counts too, by its title if it has no identifier.
 * Whether a fix exists is given for each package, or for all together.
 * https://docs.aws.amazon.com/inspector/v2/APIReference/API_VulnerablePackage.html
 */
export function translateFinding({
  title = '',
  severity,
  fixAvailable,
  exploitAvailable,
  epss,
  packageVulnerabilityDetails,
}: Partial<InspectorFinding>): Finding[] {
  const { vulnerabilityId = '', sourceUrl, vulnerablePackages = [] } = packageVulnerabilityDetails ?? {};
  const unnamed: Partial<VulnerablePackage> = { name: vulnerabilityId === '' ? title : '' };
  const epssScore = epss?.score;
  return (vulnerablePackages.length > 0 ? vulnerablePackages : [unnamed]).map(
    ({ name = '', version = '', release, epoch, fixedInVersion, sourceLayerHash, packageManager }) => ({
      vulnerability: vulnerabilityId,
      package: name,
      version: `${epoch ? `${epoch}:` : ''}${version}${release ? `-${release}` : ''}`,
      severity: severityOf(severity),
      ...fixOf(fixedInVersion, fixAvailable),
      ...(sourceUrl !== undefined && { uri: sourceUrl }),
      ...(isDigest(sourceLayerHash) && { layer: sourceLayerHash }),
      // A kind that is missing or new may be one that basic scanning does not cover.
      ...(packageManager !== 'OS' && { isLanguagePackage: true as const }),
      ...(exploitAvailable === 'YES' && { isExploited: true as const }),
      ...(epssScore !== undefined && { epssScore }),
    }),
  );
}

function fixOf(fixedIn = '', fixAvailable = ''): Pick<Finding, 'fix' | 'fixedIn'> {
  if (fixedIn === '') return { fix: FIXES[fixAvailable] ?? 'unknown' };
  return fixedIn === 'NotAvailable' ? { fix: 'no' } : { fix: 'yes', fixedIn };
}

const FIXES: Readonly<Record<string, Fix>> = { YES: 'yes', NO: 'no' };
