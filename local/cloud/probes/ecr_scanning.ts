import assert from 'node:assert/strict';
import {
  DescribeImageScanFindingsCommand,
  type DescribeImageScanFindingsResponse,
  ECRClient,
  PutRegistryScanningConfigurationCommand,
  StartImageScanCommand,
} from '@aws-sdk/client-ecr';
import {
  debianFiles,
  eventually,
  makeRepository,
  OCI_INDEX,
  OCI_MANIFEST,
  type ProbeCloud,
  pushImage,
  pushManifest,
} from '../probe.ts';
import { receiveEvent, watchEvents } from '../probe-watch.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  // One attempt: the SDK takes LimitExceededException for a throttled call and would ask again, seconds later.
  const ecr = new ECRClient({ ...cloud.config, maxAttempts: 1 });
  const repositoryName = await makeRepository(cloud, 'team/scanning');
  const start = (imageDigest: string) =>
    ecr.send(new StartImageScanCommand({ repositoryName, imageId: { imageDigest } }));
  const describe = (imageDigest: string, page: { maxResults?: number; nextToken?: string } = {}) =>
    ecr.send(new DescribeImageScanFindingsCommand({ repositoryName, imageId: { imageDigest }, ...page }));
  const finished = (digest: string): Promise<DescribeImageScanFindingsResponse> =>
    eventually(async () => {
      const answer = await describe(digest);
      return answer.imageScanStatus?.status === 'IN_PROGRESS' ? undefined : answer;
    }, 'the end of a scan');

  await cloud.admin.setVulnerabilities([
    {
      id: 'CVE-2026-0002',
      package: 'openssl',
      severity: 'HIGH',
      fixedIn: '3.5.1-1+deb13u2',
      uri: 'https://example.invalid/2',
    },
    { id: 'CVE-2026-0001', package: 'openssl', severity: 'CRITICAL', fixedIn: '3.5.1-1+deb13u1' },
    { id: 'CVE-2026-0003', package: 'zlib1g', severity: 'HIGH' },
    { id: 'CVE-2026-0004', package: 'absent', severity: 'LOW' },
  ]);

  // A later layer upgrades one package and removes the database of another package manager.
  const image = await pushImage(
    cloud,
    repositoryName,
    [
      debianFiles({ openssl: '3.5.1-1', zlib1g: '1:1.3' }),
      debianFiles({ openssl: '3.5.1-1+deb13u1', zlib1g: '1:1.3' }),
    ],
    '1.4.2',
  );
  await assert.rejects(describe(image.digest), { name: 'ScanNotFoundException' });
  await assert.rejects(start(`sha256:${'0'.repeat(64)}`), { name: 'ImageNotFoundException' });

  const events = await watchEvents(cloud, {
    source: ['aws.ecr'],
    'detail-type': ['ECR Image Scan'],
    detail: { 'repository-name': [repositoryName] },
  });
  assert.equal((await start(image.digest)).imageScanStatus?.status, 'IN_PROGRESS');
  const { imageScanFindings } = await finished(image.digest);
  assert.deepEqual(
    imageScanFindings?.findings?.map((finding) => [finding.name, finding.severity]),
    [
      ['CVE-2026-0002', 'HIGH'],
      ['CVE-2026-0003', 'HIGH'],
    ],
  );
  assert.deepEqual(imageScanFindings?.findingSeverityCounts, { HIGH: 2 });
  assert.deepEqual(imageScanFindings?.findings?.[0]?.attributes, [
    { key: 'package_version', value: '3.5.1-1+deb13u1' },
    { key: 'package_name', value: 'openssl' },
  ]);
  const { imageScanCompletedAt, vulnerabilitySourceUpdatedAt } = imageScanFindings ?? {};
  assert.ok(imageScanCompletedAt instanceof Date && vulnerabilitySourceUpdatedAt instanceof Date);
  assert.ok(vulnerabilitySourceUpdatedAt <= imageScanCompletedAt);

  const event = await receiveEvent(events);
  assert.deepEqual(event.resources, [
    `arn:aws:ecr:${cloud.config.region}:${cloud.config.credentials.accessKeyId}:repository/${repositoryName}`,
  ]);
  assert.deepEqual(event.detail, {
    'scan-status': 'COMPLETE',
    'repository-name': repositoryName,
    'finding-severity-counts': { HIGH: 2 },
    'image-digest': image.digest,
    'image-tags': ['1.4.2'],
  });

  const first = await describe(image.digest, { maxResults: 1 });
  assert.equal(first.imageScanFindings?.findings?.length, 1);
  assert.ok(first.nextToken);
  const second = await describe(image.digest, { maxResults: 1, nextToken: first.nextToken });
  assert.equal(second.imageScanFindings?.findings?.[0]?.name, 'CVE-2026-0003');
  assert.equal(second.nextToken, undefined);

  // Once in 24 hours per image.
  await assert.rejects(start(image.digest), { name: 'LimitExceededException' });

  const index = JSON.stringify({
    schemaVersion: 2,
    mediaType: OCI_INDEX,
    manifests: [
      {
        mediaType: OCI_MANIFEST,
        digest: image.digest,
        size: image.manifest.length,
        platform: { os: 'linux', architecture: 'arm64' },
      },
    ],
  });
  const indexDigest = await pushManifest(cloud, repositoryName, index, 'multi', OCI_INDEX);
  await assert.rejects(start(indexDigest), { name: 'UnsupportedImageTypeException' });

  const scratch = await pushImage(cloud, repositoryName, [{ 'app/server': 'binary' }], 'scratch');
  await start(scratch.digest);
  assert.equal((await finished(scratch.digest)).imageScanStatus?.status, 'UNSUPPORTED_IMAGE');
  assert.equal((await receiveEvent(events)).detail['scan-status'], 'FAILED');

  await quotas(cloud, repositoryName, start);
}

/** Refusals that depend on the state of an image or of the registry, in a Region that no other probe uses. */
async function quotas(
  cloud: ProbeCloud,
  repositoryName: string,
  start: (imageDigest: string) => Promise<unknown>,
): Promise<void> {
  const account = cloud.config.credentials.accessKeyId;
  const { region } = cloud.config;
  const image = await pushImage(cloud, repositoryName, [debianFiles({ archived: '1' })], 'archived');
  await cloud.admin.givePast({ account, region, repository: repositoryName, digest: image.digest, archived: true });
  await assert.rejects(start(image.digest), { name: 'ImageArchivedException' });
  await cloud.admin.givePast({ account, region, repository: repositoryName, digest: image.digest, archived: false });

  await cloud.admin.setRegistry({ account, region, dailyScanLimit: 0 });
  await assert.rejects(start(image.digest), { name: 'LimitExceededException' });
  await cloud.admin.setRegistry({ account, region, dailyScanLimit: 100_000 });

  const ecr = new ECRClient(cloud.config);
  await ecr.send(new PutRegistryScanningConfigurationCommand({ scanType: 'ENHANCED', rules: [] }));
  await assert.rejects(start(image.digest), { name: 'ValidationException', message: 'This feature is disabled' });
  await ecr.send(new PutRegistryScanningConfigurationCommand({ scanType: 'BASIC', rules: [] }));

  // An image that was scanned more than a day ago may be scanned again.
  const yesterday = new Date(Date.now() - 25 * 3_600_000);
  await cloud.admin.givePast({
    account,
    region,
    repository: repositoryName,
    digest: image.digest,
    lastScannedAt: yesterday,
  });
  await start(image.digest);
}
