import assert from 'node:assert/strict';
import {
  BatchGetRepositoryScanningConfigurationCommand,
  DescribeImageScanFindingsCommand,
  ECRClient,
  GetRegistryScanningConfigurationCommand,
  PutRegistryScanningConfigurationCommand,
} from '@aws-sdk/client-ecr';
import { debianFiles, eventually, makeRepository, type ProbeCloud, pushImage } from '../probe.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const ecr = new ECRClient(cloud.config);
  const { scanningConfiguration } = await ecr.send(new GetRegistryScanningConfigurationCommand({}));
  assert.equal(scanningConfiguration?.scanType, 'BASIC');

  await assert.rejects(
    ecr.send(
      new PutRegistryScanningConfigurationCommand({
        scanType: 'BASIC',
        rules: [{ scanFrequency: 'CONTINUOUS_SCAN', repositoryFilters: [{ filter: '*', filterType: 'WILDCARD' }] }],
      }),
    ),
    { name: 'InvalidParameterException' },
  );
  const filter = { filter: 'on-push-*', filterType: 'WILDCARD' } as const;
  await ecr.send(
    new PutRegistryScanningConfigurationCommand({
      scanType: 'BASIC',
      rules: [{ scanFrequency: 'SCAN_ON_PUSH', repositoryFilters: [filter] }],
    }),
  );

  const scanned = await makeRepository(cloud, 'on-push-a');
  const manual = await makeRepository(cloud, 'manual');
  const { scanningConfigurations = [], failures = [] } = await ecr.send(
    new BatchGetRepositoryScanningConfigurationCommand({ repositoryNames: [scanned, manual, 'missing'] }),
  );
  assert.deepEqual(
    scanningConfigurations.map((one) => [one.repositoryName, one.scanOnPush, one.scanFrequency]),
    [
      [scanned, true, 'SCAN_ON_PUSH'],
      [manual, false, 'MANUAL'],
    ],
  );
  assert.deepEqual(
    failures.map((failure) => [failure.repositoryName, failure.failureCode]),
    [['missing', 'REPOSITORY_NOT_FOUND']],
  );

  const image = await pushImage(cloud, scanned, [debianFiles({ bash: '5.2' })], '1');
  await eventually(async () => {
    const { imageScanStatus } = await ecr.send(
      new DescribeImageScanFindingsCommand({ repositoryName: scanned, imageId: { imageDigest: image.digest } }),
    );
    return imageScanStatus?.status === 'COMPLETE' ? true : undefined;
  }, 'the scan on push');
  await ecr.send(new PutRegistryScanningConfigurationCommand({ scanType: 'BASIC', rules: [] }));
}
