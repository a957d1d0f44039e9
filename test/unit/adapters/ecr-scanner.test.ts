import {
  DescribeImageScanFindingsCommand,
  type DescribeImageScanFindingsCommandOutput,
  ECRClient,
  type ScanStatus,
  StartImageScanCommand,
} from '@aws-sdk/client-ecr';
import { mockClient } from 'aws-sdk-client-mock';
import { EcrScanner } from '../../../shared/adapters/ecr-scanner.ts';
import { digestOf, LOCATION, NOON_EPOCH_MS } from '../../support/samples.ts';
import { awsError } from './support.ts';

const ecr = mockClient(ECRClient);
beforeEach(() => ecr.reset());

const client = new ECRClient({ region: 'eu-west-1' });
const scanner = new EcrScanner(() => client);
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

test('a scan is requested by digest', async () => {
  ecr.on(StartImageScanCommand).resolves({});
  expect(await scanner.start(LOCATION, digestOf('a'))).toEqual({ outcome: 'requested' });
  expect(ecr.commandCalls(StartImageScanCommand)[0]?.args[0].input).toEqual({
    repositoryName: 'team/payments-api',
    imageId: { imageDigest: digestOf('a') },
  });
});
