import assert from 'node:assert/strict';
import {
  BatchGetImageCommand,
  CreateRepositoryCommand,
  DescribeRepositoriesCommand,
  ECRClient,
  PutImageCommand,
  PutImageTagMutabilityCommand,
} from '@aws-sdk/client-ecr';
import { type ProbeCloud, pushImage, pushManifest } from '../probe.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const ecr = new ECRClient(cloud.config);
  const repositoryName = cloud.unique('mutability');
  const imageTagMutabilityExclusionFilters = [{ filterType: 'WILDCARD' as const, filter: 'stable*' }];
  const imageTagMutability = 'IMMUTABLE_WITH_EXCLUSION';
  await ecr.send(
    new CreateRepositoryCommand({ repositoryName, imageTagMutability, imageTagMutabilityExclusionFilters }),
  );
  const { repositories } = await ecr.send(new DescribeRepositoriesCommand({ repositoryNames: [repositoryName] }));
  assert.equal(repositories?.[0]?.imageTagMutability, imageTagMutability);
  assert.deepEqual(repositories?.[0]?.imageTagMutabilityExclusionFilters, imageTagMutabilityExclusionFilters);

  const first = await pushImage(cloud, repositoryName, [{ 'etc/motd': 'first' }], 'build-1');
  const second = await pushImage(cloud, repositoryName, [{ 'etc/motd': 'second' }], 'build-2');
  // The same image again under its own tag moves nothing.
  await pushManifest(cloud, repositoryName, first.manifest, 'build-1');
  await assert.rejects(pushManifest(cloud, repositoryName, second.manifest, 'build-1'), /TAG_INVALID.*immutable/);
  const put = (imageTag: string) =>
    ecr.send(new PutImageCommand({ repositoryName, imageManifest: second.manifest, imageTag }));
  await assert.rejects(put('build-1'), { name: 'ImageTagAlreadyExistsException' });
  const digestOf = async (imageTag: string) => {
    const { images } = await ecr.send(new BatchGetImageCommand({ repositoryName, imageIds: [{ imageTag }] }));
    return images?.[0]?.imageId?.imageDigest;
  };
  assert.equal(await digestOf('build-1'), first.digest);

  await pushManifest(cloud, repositoryName, first.manifest, 'stable');
  await put('stable');
  assert.equal(await digestOf('stable'), second.digest);
  await ecr.send(new PutImageTagMutabilityCommand({ repositoryName, imageTagMutability: 'IMMUTABLE' }));
  await assert.rejects(pushManifest(cloud, repositoryName, first.manifest, 'stable'), /TAG_INVALID/);
}
