import assert from 'node:assert/strict';
import { ECRClient, ListImageReferrersCommand, type ListImageReferrersCommandInput } from '@aws-sdk/client-ecr';
import {
  makeRepository,
  OCI_INDEX,
  OCI_MANIFEST,
  type ProbeCloud,
  pushBlob,
  pushImage,
  registryRequest,
} from '../probe.ts';

const SIGNATURE = 'application/vnd.cncf.notary.signature';
const INVENTORY = 'application/spdx+json';
const EMPTY = 'application/vnd.oci.empty.v1+json';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const ecr = new ECRClient(cloud.config);
  const repositoryName = await makeRepository(cloud, 'referrers');
  const image = await pushImage(cloud, repositoryName, [{ 'etc/motd': 'one' }], '1');
  const subject = { mediaType: OCI_MANIFEST, digest: image.digest, size: image.manifest.length };
  const empty = { mediaType: EMPTY, digest: await pushBlob(cloud, repositoryName, Buffer.from('{}')), size: 2 };
  const attach = async (artifactType: string) => {
    const annotations = { 'org.opencontainers.image.created': '2026-11-01T00:00:00Z' };
    const body = JSON.stringify({
      ...{ schemaVersion: 2, mediaType: OCI_MANIFEST, artifactType, config: empty, layers: [empty], subject },
      annotations,
    });
    const headers = { 'content-type': OCI_MANIFEST };
    const path = `manifests/${tagOf(artifactType)}`;
    const answer = await registryRequest(cloud, repositoryName, 'PUT', path, { body, headers });
    assert.equal(answer.status, 201);
    assert.equal(answer.headers.get('oci-subject'), image.digest);
    const digest = answer.headers.get('docker-content-digest') ?? '';
    return { mediaType: OCI_MANIFEST, digest, size: body.length, artifactType, annotations };
  };
  const signature = await attach(SIGNATURE);
  const inventory = await attach(INVENTORY);

  const list = (more: Partial<ListImageReferrersCommandInput> = {}) =>
    ecr.send(new ListImageReferrersCommand({ repositoryName, subjectId: { imageDigest: image.digest }, ...more }));
  const artifactStatus = 'ACTIVE' as const;
  assert.deepEqual((await list()).referrers, [
    { ...signature, artifactStatus },
    { ...inventory, artifactStatus },
  ]);
  const inventories = { artifactTypes: [INVENTORY] };
  assert.deepEqual((await list({ filter: inventories })).referrers, [{ ...inventory, artifactStatus }]);
  const first = await list({ maxResults: 1 });
  assert.equal(first.referrers?.[0]?.digest, signature.digest);
  const { nextToken } = first;
  assert.equal((await list({ maxResults: 1, nextToken })).referrers?.[0]?.digest, inventory.digest);
  assert.deepEqual((await list({ subjectId: { imageDigest: signature.digest } })).referrers, []);

  const listed = await registryRequest(cloud, repositoryName, 'GET', `referrers/${image.digest}`);
  assert.equal(listed.headers.get('content-type'), OCI_INDEX);
  const index = { schemaVersion: 2, mediaType: OCI_INDEX };
  assert.deepEqual(JSON.parse(await listed.text()), { ...index, manifests: [signature, inventory] });
  const path = `referrers/${image.digest}?artifactType=${encodeURIComponent(INVENTORY)}`;
  const filtered = await registryRequest(cloud, repositoryName, 'GET', path);
  assert.equal(filtered.headers.get('oci-filters-applied'), 'artifactType');
  assert.deepEqual(JSON.parse(await filtered.text()), { ...index, manifests: [inventory] });
  const none = await registryRequest(cloud, repositoryName, 'GET', `referrers/${signature.digest}`);
  assert.deepEqual([none.status, JSON.parse(await none.text())], [200, { ...index, manifests: [] }]);
}

const tagOf = (artifactType: string): string => artifactType.replaceAll(/[^a-z]/g, '-');
