import assert from 'node:assert/strict';
import { BatchGetImageCommand, ECRClient } from '@aws-sdk/client-ecr';
import { makeRepository, type ProbeCloud, pushImage } from '../probe.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const ecr = new ECRClient(cloud.config);
  const repositoryName = await makeRepository(cloud, 'batch-get');
  const image = await pushImage(cloud, repositoryName, [{ 'etc/motd': 'one' }], 'a');
  await pushImage(cloud, repositoryName, [{ 'etc/motd': 'one' }], 'b');
  const absent = `sha256:${'0'.repeat(64)}`;

  const { images = [], failures = [] } = await ecr.send(
    new BatchGetImageCommand({
      repositoryName,
      imageIds: [
        { imageTag: 'a' },
        { imageTag: 'a' },
        { imageDigest: image.digest },
        { imageDigest: absent },
        { imageDigest: image.digest, imageTag: 'c' },
        { imageDigest: 'sha256:short' },
      ],
    }),
  );
  assert.deepEqual(
    images.map((one) => one.imageId),
    [{ imageTag: 'a', imageDigest: image.digest }, { imageDigest: image.digest }],
  );
  assert.equal(images[0]?.imageManifest, image.manifest);
  assert.deepEqual(
    failures.map((failure) => failure.failureCode),
    ['ImageNotFound', 'ImageTagDoesNotMatchDigest', 'InvalidImageDigest'],
  );

  const tooMany = Array.from({ length: 101 }, (_, number) => ({ imageTag: `${number}` }));
  await assert.rejects(ecr.send(new BatchGetImageCommand({ repositoryName, imageIds: tooMany })), {
    name: 'InvalidParameterException',
  });
}
