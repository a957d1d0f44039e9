import assert from 'node:assert/strict';
import { ECRClient, ListImagesCommand } from '@aws-sdk/client-ecr';
import {
  makeRepository,
  OCI_INDEX,
  OCI_MANIFEST,
  type ProbeCloud,
  pushImage,
  pushManifest,
  registryRequest,
} from '../probe.ts';
import { receiveEvent, watchEvents } from '../probe-watch.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const ecr = new ECRClient(cloud.config);
  const repositoryName = await makeRepository(cloud, 'registry-deletion');
  const image = await pushImage(cloud, repositoryName, [{ 'etc/motd': 'one' }], 'one');
  const child = { mediaType: OCI_MANIFEST, digest: image.digest, size: image.manifest.length };
  const index = JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [child] });
  const indexDigest = await pushManifest(cloud, repositoryName, index, 'multi', OCI_INDEX);
  const events = await watchEvents(cloud, {
    source: ['aws.ecr'],
    detail: { 'repository-name': [repositoryName], 'action-type': ['DELETE'] },
  });
  const remove = async (reference: string) =>
    (await registryRequest(cloud, repositoryName, 'DELETE', `manifests/${reference}`)).status;
  const digests = async () =>
    (await ecr.send(new ListImagesCommand({ repositoryName }))).imageIds?.map(({ imageDigest }) => imageDigest);

  assert.ok((await remove(image.digest)) >= 400, 'an index lists this image');
  assert.deepEqual(await digests(), [image.digest, indexDigest]);
  assert.equal(await remove(indexDigest), 202);
  const { detail } = await receiveEvent(events);
  assert.deepEqual([detail['image-digest'], detail['image-tag']], [indexDigest, 'multi']);
  assert.equal(await remove(image.digest), 202);
  assert.equal(await remove(image.digest), 404);
  assert.deepEqual(await digests(), []);
}
