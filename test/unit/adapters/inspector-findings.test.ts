import type { Finding as InspectorFinding, VulnerablePackage } from '@aws-sdk/client-inspector2';
import { translateFinding } from '../../../shared/adapters/inspector-findings.ts';
import { digestOf } from '../../support/samples.ts';

const LAYER = digestOf('layer');

/** As https://docs.aws.amazon.com/inspector/v2/APIReference/API_ListFindings.html has it. */
const finding: Partial<InspectorFinding> = {
  ...{ severity: 'HIGH', status: 'ACTIVE', title: 'CVE-2022-49043 - libxml2', type: 'PACKAGE_VULNERABILITY' },
  ...{ fixAvailable: 'NO', exploitAvailable: 'YES', epss: { score: 0.00045 } },
  packageVulnerabilityDetails: {
    ...{ source: 'DEBIAN_CVE', sourceUrl: 'https://security-tracker.debian.org/tracker/CVE-2022-49043' },
    vulnerabilityId: 'CVE-2022-49043',
    vulnerablePackages: [
      {
        ...{ arch: 'AMD64', epoch: 0, name: 'libxml2', packageManager: 'OS', release: '1.3~deb12u1' },
        ...{ sourceLayerHash: LAYER, version: '2.9.14+dfsg', fixedInVersion: 'NotAvailable' },
      },
    ],
  },
};

const withPackage = (changes: Partial<VulnerablePackage>, others: Partial<InspectorFinding> = {}) => ({
  ...({ severity: 'HIGH', fixAvailable: 'NO' } as const),
  packageVulnerabilityDetails: {
    ...{ vulnerabilityId: 'CVE-1', source: 'NVD' },
    vulnerablePackages: [{ name: 'openssl', version: '3.0', packageManager: 'OS' as const, ...changes }],
  },
  ...others,
});

test('findings are mapped, with the fix, the layer that added the package, the exploit and the EPSS score', () => {
  expect(translateFinding(finding)).toEqual([
    {
      ...{ vulnerability: 'CVE-2022-49043', package: 'libxml2', version: '2.9.14+dfsg-1.3~deb12u1' },
      ...{ severity: 'high', fix: 'no', layer: LAYER, isExploited: true, epssScore: 0.00045 },
      uri: 'https://security-tracker.debian.org/tracker/CVE-2022-49043',
    },
  ]);
});

test.each<[string, Partial<InspectorFinding>, object]>([
  ['a version that fixes it', withPackage({ fixedInVersion: '3.0.1' }), { fix: 'yes', fixedIn: '3.0.1' }],
  ['a fix for the whole', withPackage({}, { fixAvailable: 'YES' }), { fix: 'yes' }],
  ['an empty version', withPackage({ fixedInVersion: '' }), { fix: 'no' }],
  ['no fix', withPackage({}), { fix: 'no' }],
  ['a fix of some of the packages', withPackage({}, { fixAvailable: 'PARTIAL' }), { fix: 'unknown' }],
  ['no word on a fix', withPackage({}, { fixAvailable: undefined }), { fix: 'unknown' }],
  ['epoch and release', withPackage({ epoch: 1, release: '2' }), { version: '1:3.0-2' }],
  ['no severity yet', withPackage({}, { severity: 'UNTRIAGED' }), { severity: 'undefined' }],
  ['a layer that is no digest', withPackage({ sourceLayerHash: 'N/A' }), { version: '3.0' }],
])('%s', (_, reported, expected) => {
  const [found] = translateFinding(reported);
  expect(found).toMatchObject(expected);
  for (const absent of ['layer', 'isExploited', 'epssScore']) expect(found).not.toHaveProperty(absent);
});

// Basic scanning shows only that a finding in a package of the system is gone.
test.each<[string, VulnerablePackage['packageManager'] | 'CONDA' | '' | 'os', boolean]>([
  ['the system', 'OS', false],
  ['a language', 'NPM', true],
  ['a kind that only a later version knows', 'CONDA', true],
  ['no kind', undefined, true],
  ['an empty kind', '', true],
  ['a kind that is almost that of the system', 'os', true],
])('a package of %s (%s) may be one of a language: %s', (_, kind, isLanguage) => {
  const [found] = translateFinding(withPackage({ packageManager: kind as VulnerablePackage['packageManager'] }));
  expect(found?.isLanguagePackage ?? false).toBe(isLanguage);
});

test('each package of a finding counts', () => {
  const details = { vulnerabilityId: 'CVE-1', source: 'NVD' };
  const packages = [
    { name: 'one', version: '1' },
    { name: 'two', version: '2' },
  ];
  expect(translateFinding({ packageVulnerabilityDetails: { ...details, vulnerablePackages: packages } })).toMatchObject(
    [
      { vulnerability: 'CVE-1', package: 'one' },
      { vulnerability: 'CVE-1', package: 'two' },
    ],
  );
});

test.each<[string, Partial<InspectorFinding>, object]>([
  [
    'an identifier alone',
    { severity: 'HIGH', fixAvailable: 'YES', packageVulnerabilityDetails: { vulnerabilityId: 'CVE-1', source: 'NVD' } },
    { vulnerability: 'CVE-1', package: '', version: '', severity: 'high', fix: 'yes', isLanguagePackage: true },
  ],
  [
    'a title alone',
    { title: 'Port 22 is open', severity: 'CRITICAL' },
    {
      vulnerability: '',
      package: 'Port 22 is open',
      version: '',
      severity: 'critical',
      fix: 'unknown',
      isLanguagePackage: true,
    },
  ],
  [
    'nothing',
    {},
    { vulnerability: '', package: '', version: '', severity: 'undefined', fix: 'unknown', isLanguagePackage: true },
  ],
])('a finding that names no package is a finding all the same: %s', (_, reported, expected) => {
  expect(translateFinding(reported)).toEqual([expected]);
});
