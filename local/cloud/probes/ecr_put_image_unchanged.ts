import assert from 'node:assert/strict';
import { ECRClient, PutImageCommand } from '@aws-sdk/client-ecr';
import { makeRepository, type ProbeCloud, pushImage } from '../probe.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const ecr = new ECRClient(cloud.config);
  const repositoryName = await makeRepository(cloud, 'put-image-unchanged');
  const { manifest: imageManifest } = await pushImage(cloud, repositoryName, [{ 'etc/motd': 'one' }], '1');
  const put = (imageTag?: string) => ecr.send(new PutImageCommand({ repositoryName, imageManifest, imageTag }));

  await assert.rejects(put('1'), { name: 'ImageAlreadyExistsException' });
  await assert.rejects(put(), { name: 'ImageAlreadyExistsException' });
  assert.equal((await put('2')).image?.imageId?.imageTag, '2');
}
