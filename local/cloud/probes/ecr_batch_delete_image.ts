import assert from 'node:assert/strict';
import { BatchDeleteImageCommand, ECRClient, type ImageIdentifier, ListImagesCommand } from '@aws-sdk/client-ecr';
import { makeRepository, OCI_INDEX, OCI_MANIFEST, type ProbeCloud, pushImage, pushManifest } from '../probe.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const ecr = new ECRClient(cloud.config);
  const repositoryName = await makeRepository(cloud, 'batch-delete');
  const remove = (...imageIds: ImageIdentifier[]) =>
    ecr.send(new BatchDeleteImageCommand({ repositoryName, imageIds }));
  const rows = async () => (await ecr.send(new ListImagesCommand({ repositoryName }))).imageIds;

  const image = await pushImage(cloud, repositoryName, [{ 'etc/motd': 'one' }], 'a');
  await pushManifest(cloud, repositoryName, image.manifest, 'b');
  const untagged = await remove({ imageTag: 'a' }, { imageTag: 'absent' });
  assert.deepEqual(untagged.imageIds, [{ imageDigest: image.digest, imageTag: 'a' }]);
  assert.equal(untagged.failures?.[0]?.failureCode, 'ImageNotFound');
  assert.deepEqual(await rows(), [{ imageDigest: image.digest, imageTag: 'b' }]);

  const platform = { os: 'linux', architecture: 'arm64' };
  const child = { mediaType: OCI_MANIFEST, digest: image.digest, size: image.manifest.length, platform };
  const index = JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [child] });
  const indexDigest = await pushManifest(cloud, repositoryName, index, 'multi', OCI_INDEX);
  const refused = await remove({ imageDigest: image.digest });
  assert.equal(refused.failures?.[0]?.failureCode, 'ImageReferencedByManifestList');
  await remove({ imageDigest: indexDigest });
  await remove({ imageDigest: image.digest });
  assert.deepEqual(await rows(), []);
}
