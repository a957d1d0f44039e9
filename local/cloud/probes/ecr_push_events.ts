import assert from 'node:assert/strict';
import { BatchDeleteImageCommand, ECRClient } from '@aws-sdk/client-ecr';
import { makeRepository, type ProbeCloud, pushImage, pushManifest } from '../probe.ts';
import { receiveEvent, watchEvents } from '../probe-watch.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const ecr = new ECRClient(cloud.config);
  const repositoryName = await makeRepository(cloud, 'push-events');
  const events = await watchEvents(cloud, {
    source: ['aws.ecr'],
    'detail-type': ['ECR Image Action'],
    detail: { 'repository-name': [repositoryName] },
  });

  const image = await pushImage(cloud, repositoryName, [{ 'etc/motd': 'one' }], '1.4.2');
  const common = { result: 'SUCCESS', 'repository-name': repositoryName, 'image-digest': image.digest };
  const pushed = await receiveEvent(events);
  assert.deepEqual(pushed.resources, []);
  assert.equal(pushed.account, cloud.config.credentials.accessKeyId);
  assert.deepEqual(pushed.detail, { ...common, 'action-type': 'PUSH', 'image-tag': '1.4.2' });

  await pushManifest(cloud, repositoryName, image.manifest);
  assert.deepEqual((await receiveEvent(events)).detail, { ...common, 'action-type': 'PUSH' });

  await ecr.send(new BatchDeleteImageCommand({ repositoryName, imageIds: [{ imageDigest: image.digest }] }));
  assert.equal((await receiveEvent(events)).detail['action-type'], 'DELETE');
}
