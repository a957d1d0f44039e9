import {
  DescribeImageScanFindingsCommand,
  type DescribeImageScanFindingsCommandOutput,
  ECRClient,
  type EnhancedImageScanFinding,
  type ScanStatus,
  StartImageScanCommand,
  type VulnerablePackage,
} from '@aws-sdk/client-ecr';
import { mockClient } from 'aws-sdk-client-mock';
import { readEnhanced } from '../../../shared/adapters/ecr-enhanced.ts';
import { EcrScanner } from '../../../shared/adapters/ecr-scanner.ts';
import { digestOf, LOCATION, NOON_EPOCH_MS } from '../../support/samples.ts';
import { awsError } from './support.ts';

const ecr = mockClient(ECRClient);
beforeEach(() => ecr.reset());

const client = new ECRClient({ region: 'eu-west-1' });
const scanner = new EcrScanner(() => client, readEnhanced);
const read = () => scanner.read(LOCATION, digestOf('a'));
const answers = (output: Partial<DescribeImageScanFindingsCommandOutput>) =>
  ecr.on(DescribeImageScanFindingsCommand).resolves(output);
const status = (word: string) => ({ imageScanStatus: { status: word as ScanStatus, description: 'in words' } });

test.each([
  ['FAILED', 'failed', 'scan-failed'],
  ['FINDINGS_UNAVAILABLE', 'failed', 'scan-failed'],
  ['LIMIT_EXCEEDED', 'failed', 'quota-or-scanned'],
  ['UNSUPPORTED_IMAGE', 'unsupported', 'unsupported-image'],
  ['SCAN_ELIGIBILITY_EXPIRED', 'expired', 'expired'],
  ['IMAGE_ARCHIVED', 'off', 'archived'],
  ['ACTIVE', 'off', 'enhanced'],
  ['A_STATUS_OF_TOMORROW', 'failed', 'unknown-status'],
  ['complete', 'failed', 'unknown-status'],
])('the status %s is %s, because of %s, in words of the scanner', async (word, state, reason) => {
  answers({ ...status(word), imageScanFindings: { imageScanCompletedAt: new Date(), findings: [] } });
  expect(await read()).toEqual({ outcome: 'refused', state, reason, detail: `${word}: in words` });
});

test('an answer without a status is no result', async () => {
  answers({});
  expect(await read()).toMatchObject({ outcome: 'refused', state: 'failed', reason: 'unknown-status' });
});

test.each(['IN_PROGRESS', 'PENDING'])('the status %s is a scan in progress', async (word) => {
  answers(status(word));
  expect(await read()).toEqual({ outcome: 'in-progress' });
});

test('COMPLETE without a time is no result', async () => {
  answers({ ...status('COMPLETE'), imageScanFindings: { findings: [] } });
  expect(await read()).toMatchObject({ outcome: 'refused', state: 'failed', reason: 'unknown-status' });
});

test('findings become findings of ours, also where the scanner leaves something out', async () => {
  answers({
    ...status('COMPLETE'),
    imageScanFindings: {
      imageScanCompletedAt: new Date(NOON_EPOCH_MS),
      findings: [
        {
          name: 'CVE-2026-0001',
          severity: 'CRITICAL',
          uri: 'https://security.example/1',
          attributes: [
            { key: 'package_version', value: '3.0.1-1' },
            { key: 'package_name', value: 'openssl' },
          ],
        },
        { name: 'CVE-2026-0002', severity: 'UNDEFINED' },
        { name: 'CVE-2026-0003', severity: 'SEVERITY_OF_TOMORROW' as 'LOW' },
      ],
    },
  });
  const bare = { package: '', version: '', severity: 'undefined', fix: 'unknown' };
  expect(await read()).toEqual({
    outcome: 'complete',
    completedAtEpochMs: NOON_EPOCH_MS,
    findings: [
      {
        vulnerability: 'CVE-2026-0001',
        package: 'openssl',
        version: '3.0.1-1',
        severity: 'critical',
        fix: 'unknown',
        uri: 'https://security.example/1',
      },
      { vulnerability: 'CVE-2026-0002', ...bare },
      { vulnerability: 'CVE-2026-0003', ...bare },
    ],
  });
});

test.each([
  ['UnsupportedImageTypeException', 'unsupported', 'unsupported-type'],
  ['ImageNotFoundException', 'failed', 'image-not-found'],
  ['RepositoryNotFoundException', 'failed', 'image-not-found'],
  ['ImageArchivedException', 'off', 'archived'],
  ['ScanNotFoundException', 'off', 'never-scanned'],
  ['ValidationException', 'off', 'enhanced'],
  ['AccessDeniedException', 'unreachable', 'access-denied'],
  ['AccessDenied', 'unreachable', 'access-denied'],
])('%s is an answer: %s, because of %s', async (name, state, reason) => {
  ecr.rejects(awsError(name));
  const expected = { outcome: 'refused', state, reason, detail: `${name}: as AWS says it` };
  expect(await read()).toEqual(expected);
  expect(await scanner.start(LOCATION, digestOf('a'))).toEqual(expected);
});

test.each(['ThrottlingException', 'ServerException', 'InvalidParameterException', 'TimeoutError'])(
  '%s is no answer and is thrown on',
  async (name) => {
    ecr.rejects(awsError(name));
    await expect(read()).rejects.toMatchObject({ name });
    await expect(scanner.start(LOCATION, digestOf('a'))).rejects.toMatchObject({ name });
  },
);

test('a scan is asked for by digest', async () => {
  ecr.on(StartImageScanCommand).resolves({});
  expect(await scanner.start(LOCATION, digestOf('a'))).toEqual({ outcome: 'requested' });
  expect(ecr.commandCalls(StartImageScanCommand)[0]?.args[0].input).toEqual({
    repositoryName: 'team/payments-api',
    imageId: { imageDigest: digestOf('a') },
  });
});

describe('enhanced scanning', () => {
  const LAYER = digestOf('layer');

  /** As https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-enhanced-describe-findings.html has it. */
  const finding: EnhancedImageScanFinding = {
    ...{ awsAccountId: '123456789012', findingArn: 'arn:aws:inspector2:us-east-1:123456789012:finding/1' },
    ...{ severity: 'HIGH', status: 'ACTIVE', title: 'CVE-2022-49043 - libxml2', type: 'PACKAGE_VULNERABILITY' },
    ...{ fixAvailable: 'NO', exploitAvailable: 'NO' },
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
  const withPackage = (changes: Partial<VulnerablePackage>, others: Partial<EnhancedImageScanFinding> = {}) => ({
    ...finding,
    packageVulnerabilityDetails: {
      vulnerabilityId: 'CVE-1',
      vulnerablePackages: [{ name: 'openssl', version: '3.0', ...changes }],
    },
    ...others,
  });
  const found = (...enhancedFindings: EnhancedImageScanFinding[]) => ({
    ...status('ACTIVE'),
    imageScanFindings: { imageScanCompletedAt: new Date(NOON_EPOCH_MS), enhancedFindings },
  });

  test('findings are mapped, with the reported fix and the layer that added the package', async () => {
    answers(found(finding));
    expect(await scanner.read(LOCATION, digestOf('a'))).toEqual({
      outcome: 'complete',
      isWatched: true,
      completedAtEpochMs: NOON_EPOCH_MS,
      coverage: ['os', 'language'],
      findings: [
        {
          ...{ vulnerability: 'CVE-2022-49043', package: 'libxml2', version: '2.9.14+dfsg-1.3~deb12u1' },
          ...{ severity: 'high', fix: 'no', layer: LAYER },
          uri: 'https://security-tracker.debian.org/tracker/CVE-2022-49043',
        },
      ],
    });
  });

  test.each<[string, EnhancedImageScanFinding, object]>([
    ['a version that fixes it', withPackage({ fixedInVersion: '3.0.1' }), { fix: 'yes', fixedIn: '3.0.1' }],
    ['a fix that is told of the whole', withPackage({}, { fixAvailable: 'YES' }), { fix: 'yes' }],
    ['no fix', withPackage({}), { fix: 'no' }],
    ['a fix of some of the packages', withPackage({}, { fixAvailable: 'PARTIAL' }), { fix: 'unknown' }],
    ['no word of a fix', withPackage({}, { fixAvailable: 'LATER' }), { fix: 'unknown' }],
    ['epoch and release', withPackage({ epoch: 1, release: '2' }), { version: '1:3.0-2' }],
    ['no severity yet', withPackage({}, { severity: 'UNTRIAGED' }), { severity: 'undefined' }],
    ['a layer that is no digest', withPackage({ sourceLayerHash: 'N/A' }), { version: '3.0' }],
  ])('%s', async (_, details, expected) => {
    answers(found(details));
    const reading = await scanner.read(LOCATION, digestOf('a'));
    expect(reading).toMatchObject({ outcome: 'complete', findings: [expected] });
    expect(reading).not.toHaveProperty('findings.0.layer');
  });

  test('a closed finding is left out; each package of an open one counts', async () => {
    const { packageVulnerabilityDetails: details } = finding;
    const two = { ...details, vulnerablePackages: [{ name: 'one' }, { name: 'two' }] };
    answers(found({ ...finding, status: 'CLOSED' }, { ...finding, packageVulnerabilityDetails: two }));
    expect(await scanner.read(LOCATION, digestOf('a'))).toMatchObject({
      findings: [{ package: 'one' }, { package: 'two' }],
    });
  });

  test.each<[string, EnhancedImageScanFinding, object]>([
    [
      'an identifier alone',
      { ...finding, packageVulnerabilityDetails: { vulnerabilityId: 'CVE-1' }, fixAvailable: 'YES' },
      { vulnerability: 'CVE-1', package: '', version: '', severity: 'high', fix: 'yes' },
    ],
    [
      'an empty list of packages',
      { ...finding, packageVulnerabilityDetails: { vulnerabilityId: 'CVE-1', vulnerablePackages: [] } },
      { vulnerability: 'CVE-1', package: '', version: '', severity: 'high', fix: 'no' },
    ],
    [
      'a title alone',
      { title: 'Port 22 is open', severity: 'CRITICAL' },
      { vulnerability: '', package: 'Port 22 is open', version: '', severity: 'critical', fix: 'unknown' },
    ],
    ['nothing', {}, { vulnerability: '', package: '', version: '', severity: 'undefined', fix: 'unknown' }],
  ])('what names no package is a finding all the same: %s', async (_, details, expected) => {
    answers(found(details));
    expect(await scanner.read(LOCATION, digestOf('a'))).toMatchObject({ outcome: 'complete', findings: [expected] });
  });

  test('a scan of a push alone is not kept up to date', async () => {
    answers({ ...found(finding), ...status('COMPLETE') });
    const reading = await scanner.read(LOCATION, digestOf('a'));
    expect(reading).toMatchObject({ outcome: 'complete', completedAtEpochMs: NOON_EPOCH_MS });
    expect(reading).not.toHaveProperty('isWatched');
  });

  test('those of all pages', async () => {
    ecr
      .on(DescribeImageScanFindingsCommand)
      .resolvesOnce({ ...found(finding), nextToken: 'more' })
      .resolvesOnce(found(finding));
    expect(await scanner.read(LOCATION, digestOf('a'))).toMatchObject({ findings: [{}, {}] });
  });

  test.each<[string, object]>([
    ['without a time of completion', { ...found(finding), imageScanFindings: { enhancedFindings: [finding] } }],
    ['without findings, which may be none yet', found()],
  ])('%s it is no result', async (_, answer) => {
    answers(answer);
    expect(await scanner.read(LOCATION, digestOf('a'))).toMatchObject({
      outcome: 'refused',
      state: 'off',
      reason: 'enhanced',
    });
  });

  test('a scan that failed is none either, nor one that goes on', async () => {
    answers({ ...found(finding), ...status('SCAN_ELIGIBILITY_EXPIRED') });
    expect(await scanner.read(LOCATION, digestOf('a'))).toMatchObject({ outcome: 'refused' });
    answers({ ...found(finding), ...status('PENDING') });
    expect(await scanner.read(LOCATION, digestOf('a'))).toEqual({ outcome: 'in-progress' });
  });
});
