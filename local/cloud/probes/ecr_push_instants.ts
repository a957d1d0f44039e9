import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { DescribeImagesCommand, ECRClient, PutImageCommand } from '@aws-sdk/client-ecr';
import { makeRepository, type ProbeCloud, pushImage } from '../probe.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const ecr = new ECRClient(cloud.config);
  const repositoryName = await makeRepository(cloud, 'push-instants');
  const pushedAt = async (imageDigest?: string) => {
    const request = new DescribeImagesCommand({ repositoryName, imageIds: [{ imageDigest }] });
    return (await ecr.send(request)).imageDetails?.[0]?.imagePushedAt?.getTime() ?? 0;
  };

  let startedAt = await notAtFullSecond();
  const image = await pushImage(cloud, repositoryName, [{ 'etc/motd': 'one' }], '1');
  assert.ok((await pushedAt(image.digest)) >= startedAt);

  startedAt = await notAtFullSecond();
  // Other bytes, so another image.
  const imageManifest = `${image.manifest}\n`;
  const put = await ecr.send(new PutImageCommand({ repositoryName, imageManifest, imageTag: '2' }));
  assert.ok((await pushedAt(put.image?.imageId?.imageDigest)) >= startedAt);
}

/** The present instant, at which the start of its second is past. */
async function notAtFullSecond(): Promise<number> {
  while (Date.now() % 1000 === 0) await sleep(1);
  return Date.now();
}
