import assert from 'node:assert/strict';
import {
  DescribeImageScanFindingsCommand,
  ECRClient,
  PutRegistryScanningConfigurationCommand,
  StartImageScanCommand,
} from '@aws-sdk/client-ecr';
import { debianFiles, makeRepository, type ProbeCloud, pushImage } from '../probe.ts';
import { sessionThatMay } from '../probe-sessions.ts';

const INSPECTOR = ['inspector2:ListAccountPermissions', 'inspector2:ListCoverage', 'inspector2:ListFindings'];

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const owner = new ECRClient(cloud.config);
  const repositoryName = await makeRepository(cloud, 'team/enhanced');
  const { digest } = await pushImage(cloud, repositoryName, [debianFiles({ bash: '5.2' })], '1');
  const image = { repositoryName, imageId: { imageDigest: digest } };
  await owner.send(new StartImageScanCommand(image));

  const readWith = async (further: readonly string[]): Promise<unknown> => {
    const Action = ['ecr:DescribeImageScanFindings', ...further];
    const reader = new ECRClient(await sessionThatMay(cloud, [{ Action, Resource: '*' }]));
    return await reader.send(new DescribeImageScanFindingsCommand(image));
  };
  await readWith([]);
  await owner.send(new PutRegistryScanningConfigurationCommand({ scanType: 'ENHANCED', rules: [] }));
  try {
    await assert.rejects(readWith([]), (error: Error) => {
      assert.equal(error.name, 'AccessDeniedException');
      assert.match(error.message, /not authorized to perform: inspector2:List/);
      return true;
    });
    for (const missing of INSPECTOR) {
      const others = INSPECTOR.filter((action) => action !== missing);
      await assert.rejects(readWith(others), new RegExp(`not authorized to perform: ${missing}`));
    }
    // What the registry answers once it may be asked: Inspector has not looked at the image yet.
    await assert.rejects(readWith(INSPECTOR), { name: 'ScanNotFoundException' });
  } finally {
    await owner.send(new PutRegistryScanningConfigurationCommand({ scanType: 'BASIC', rules: [] }));
  }
}
