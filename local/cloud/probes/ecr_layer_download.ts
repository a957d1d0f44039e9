import assert from 'node:assert/strict';
import { ECRClient, GetDownloadUrlForLayerCommand } from '@aws-sdk/client-ecr';
import { makeRepository, type ProbeCloud, pushImage } from '../probe.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const ecr = new ECRClient(cloud.config);
  const repositoryName = await makeRepository(cloud, 'layer-download');
  const image = await pushImage(cloud, repositoryName, [{ 'etc/motd': 'hello' }], '1');

  const { downloadUrl } = await ecr.send(
    new GetDownloadUrlForLayerCommand({ repositoryName, layerDigest: image.configDigest }),
  );
  assert.ok(downloadUrl);
  const response = await fetch(downloadUrl);
  assert.equal(response.status, 200);
  assert.equal(((await response.json()) as { os: string }).os, 'linux');

  await assert.rejects(
    ecr.send(new GetDownloadUrlForLayerCommand({ repositoryName, layerDigest: `sha256:${'0'.repeat(64)}` })),
    { name: 'LayersNotFoundException' },
  );
}
