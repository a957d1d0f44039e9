import assert from 'node:assert/strict';
import {
  DescribeImagesCommand,
  DescribeRepositoriesCommand,
  ECRClient,
  ListImagesCommand,
  paginateDescribeImages,
  paginateDescribeRepositories,
  paginateListImages,
} from '@aws-sdk/client-ecr';
import { makeRepository, type ProbeCloud, pushImage } from '../probe.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const ecr = new ECRClient(cloud.config);
  const repositoryName = await makeRepository(cloud, 'paging');
  const old = await pushImage(cloud, repositoryName, [{ 'etc/motd': 'one' }], 'latest');
  const both = await pushImage(cloud, repositoryName, [{ 'etc/motd': 'two' }], 'latest');
  await pushImage(cloud, repositoryName, [{ 'etc/motd': 'two' }], '2');
  const third = await pushImage(cloud, repositoryName, [{ 'etc/motd': 'three' }], '3');

  // One row per tag; the tag that moved is gone from its old digest.
  const rows = [];
  for await (const page of paginateListImages({ client: ecr, pageSize: 1 }, { repositoryName })) {
    assert.ok((page.imageIds?.length ?? 0) <= 1);
    rows.push(...(page.imageIds ?? []));
  }
  assert.deepEqual(rows, [
    { imageDigest: old.digest },
    { imageDigest: both.digest, imageTag: 'latest' },
    { imageDigest: both.digest, imageTag: '2' },
    { imageDigest: third.digest, imageTag: '3' },
  ]);
  const untagged = await ecr.send(new ListImagesCommand({ repositoryName, filter: { tagStatus: 'UNTAGGED' } }));
  assert.deepEqual(untagged.imageIds, [{ imageDigest: old.digest }]);

  const details = [];
  for await (const page of paginateDescribeImages({ client: ecr, pageSize: 2 }, { repositoryName })) {
    assert.ok((page.imageDetails?.length ?? 0) <= 2);
    details.push(...(page.imageDetails ?? []));
  }
  assert.deepEqual(
    details.map((detail) => [detail.imageDigest, detail.imageTags]),
    [
      [old.digest, undefined],
      [both.digest, ['latest', '2']],
      [third.digest, ['3']],
    ],
  );
  const parts = JSON.parse(third.manifest) as { config: { size: number }; layers: { size: number }[] };
  assert.equal(
    details[2]?.imageSizeInBytes,
    parts.layers.reduce((sum, layer) => sum + layer.size, parts.config.size),
  );
  assert.equal(details[2]?.artifactMediaType, 'application/vnd.oci.image.config.v1+json');

  await archived(cloud, ecr, repositoryName, third.digest);
  for (const imageId of [{ imageTag: 'absent' }, { imageDigest: `sha256:${'0'.repeat(64)}` }]) {
    await assert.rejects(ecr.send(new DescribeImagesCommand({ repositoryName, imageIds: [imageId] })), {
      name: 'ImageNotFoundException',
    });
  }

  const names = [];
  for await (const page of paginateDescribeRepositories({ client: ecr, pageSize: 1 }, {})) {
    assert.equal(page.repositories?.length, 1);
    names.push(page.repositories[0]?.repositoryName);
  }
  const all = await ecr.send(new DescribeRepositoriesCommand({}));
  assert.equal(new Set(names).size, all.repositories?.length);
}

async function archived(cloud: ProbeCloud, ecr: ECRClient, repositoryName: string, digest: string): Promise<void> {
  const account = cloud.config.credentials.accessKeyId;
  await cloud.admin.givePast({
    account,
    region: cloud.config.region,
    repository: repositoryName,
    digest,
    archived: true,
  });
  const tagged = await ecr.send(new DescribeImagesCommand({ repositoryName, filter: { tagStatus: 'TAGGED' } }));
  assert.equal(tagged.imageDetails?.length, 1);
  const stored = await ecr.send(new DescribeImagesCommand({ repositoryName, filter: { imageStatus: 'ARCHIVED' } }));
  assert.deepEqual(
    stored.imageDetails?.map((detail) => detail.imageDigest),
    [digest],
  );
}
