import assert from 'node:assert/strict';
import { ECRClient, ListImagesCommand, PutImageCommand } from '@aws-sdk/client-ecr';
import { makeRepository, OCI_INDEX, OCI_MANIFEST, type ProbeCloud, pushImage, registryRequest } from '../probe.ts';

const ABSENT = `sha256:${'0'.repeat(64)}`;

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const ecr = new ECRClient(cloud.config);
  const repositoryName = await makeRepository(cloud, 'manifest-checks');
  const image = await pushImage(cloud, repositoryName, [{ 'etc/motd': 'one' }], '1');
  const part = (mediaType: string, digest: string) => ({ mediaType, digest, size: 1 });
  const manifestOf = (config: string, layer: string) =>
    JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: part('application/vnd.oci.image.config.v1+json', config),
      layers: [part('application/vnd.oci.image.layer.v1.tar+gzip', layer)],
    });
  const indexOf = (child: string) =>
    JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [part(OCI_MANIFEST, child)] });

  const [layer = ''] = image.layerDigests;
  const noConfig = manifestOf(ABSENT, layer);
  const noLayer = manifestOf(image.configDigest, ABSENT);
  const refused = [
    { manifest: image.manifest, digest: ABSENT, code: 'DIGEST_INVALID', error: 'ImageDigestDoesNotMatchException' },
    { manifest: noConfig, code: 'BLOB_UPLOAD_UNKNOWN', error: 'LayersNotFoundException' },
    { manifest: noLayer, code: 'BLOB_UPLOAD_UNKNOWN', error: 'LayersNotFoundException' },
    { manifest: indexOf(ABSENT), code: 'MANIFEST_BLOB_UNKNOWN', error: 'ReferencedImagesNotFoundException' },
    { manifest: '{"schemaVersion": 2', code: 'UNSUPPORTED', error: 'InvalidParameterException' },
  ];
  for (const { manifest, digest, code, error } of refused) {
    const headers = { 'content-type': manifest.includes(OCI_INDEX) ? OCI_INDEX : OCI_MANIFEST };
    const path = `manifests/${digest ?? '2'}`;
    const answer = await registryRequest(cloud, repositoryName, 'PUT', path, { body: manifest, headers });
    assert.deepEqual(await codesOf(answer), [code]);
    const request = { repositoryName, imageManifest: manifest, imageManifestMediaType: headers['content-type'] };
    const imageId = digest === undefined ? { imageTag: '2' } : { imageDigest: digest };
    await assert.rejects(ecr.send(new PutImageCommand({ ...request, ...imageId })), { name: error });
  }
  const { imageIds } = await ecr.send(new ListImagesCommand({ repositoryName }));
  assert.deepEqual(imageIds, [{ imageDigest: image.digest, imageTag: '1' }]);
}

async function codesOf(answer: Response): Promise<string[]> {
  const { errors = [] }: { errors?: { code: string }[] } = JSON.parse((await answer.text()) || '{}');
  return errors.map(({ code }) => code);
}
