import { afterEach, beforeEach } from '@jest/globals';
import { collect } from '../../../shared/concurrency.ts';
import type { Pod } from '../../../shared/domain/image/kubernetes-pod.ts';
import { ClusterUnreachableError } from '../../../shared/ports/cluster-errors.ts';
import { EksClusters } from '../../support/eks-clusters.ts';
import { answer, type KubernetesServer, type Misbehaviour, status } from '../../support/kubernetes-server.ts';

/* Something ends in the middle of a reading: the reading is complete, or it fails with a reason. It is never a part. */

const cluster = { account: '444455556666', region: 'eu-west-1', cluster: 'prod' };
const PODS = 1200;
const LISTS = ['pods', 'nodes', 'replicasets'] as const;
const listIn = (path: string) => path.split('/').at(-1);

const pod = (number: number): Pod => ({
  metadata: {
    ...{ name: `pod-${number}`, namespace: 'shop' },
    ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-1', uid: 'web-1', controller: true }],
  },
  spec: { nodeName: 'node-1', containers: [{ name: 'app', image: 'web:1' }] },
  status: { phase: 'Running' },
});

type Ending = (response: Parameters<Misbehaviour>[1], server: KubernetesServer) => void;

/** From one request on, for good. */
const ENDINGS: readonly (readonly [string, Ending, string])[] = [
  [
    'the access entry is deleted (401)',
    (response) => answer(response, 401, status(401, 'Unauthorized', 'Unauthorized')),
    'ClusterUnauthorizedError',
  ],
  [
    'the ClusterRole is deleted (403)',
    (response) => answer(response, 403, status(403, 'Forbidden', 'forbidden')),
    'ClusterForbiddenError',
  ],
  ['the cluster is deleted: the connection breaks', (response) => response.destroy(), 'ClusterFailingError'],
  [
    'another server answers at its address (404)',
    (response) => answer(response, 404, '<html>not found</html>', { 'content-type': 'text/html' }),
    'ClusterFailingError',
  ],
  [
    'the list expires and no token goes on (410)',
    (response) => answer(response, 410, status(410, 'Expired', 'too old')),
    'ClusterFailingError',
  ],
  ['the answer is cut off', (response) => answer(response, 200, '{"items":[{"metadata":{"name'), 'ClusterFailingError'],
  ['the answer has no items', (response) => answer(response, 200, '{"kind":"PodList"}'), 'ClusterFailingError'],
];

describe.each([
  ['over its public endpoint', false],
  ['by the function in its VPC', true],
])('%s', (_, arePrivate) => {
  let clusters: EksClusters;
  let server: KubernetesServer;
  beforeEach(async () => {
    clusters = new EksClusters({ arePrivate });
    server = await clusters.server(cluster);
    await clusters.addPods(cluster, ...Array.from({ length: PODS }, (_one, number) => pod(number)));
    await clusters.addNode(cluster, 'node-1', 'arm64');
    const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' };
    await clusters.addOwned(cluster, 'ReplicaSet', 'web-1', deployment);
  });
  afterEach(() => clusters.stop());
  const read = async () => (await collect(clusters.source.tasks(cluster))).flat();

  test.each(ENDINGS)('%s: no list is taken for a whole one', async (_ending, end, name) => {
    for (const list of LISTS) {
      for (const page of list === 'pods' ? [1, 2, 3] : [1]) {
        let pages = 0;
        server.misbehaviours.length = 0;
        server.misbehaviours.push(({ path }, response) => {
          if (listIn(path) === list) pages += 1;
          const isEnded = listIn(path) === list && pages >= page;
          if (isEnded) end(response, server);
          return isEnded;
        });
        const reading = read();
        // Without the right to list nodes each image of an index counts.
        if (list === 'nodes' && name === 'ClusterForbiddenError') {
          expect(await reading).toHaveLength(PODS);
          continue;
        }
        const error: unknown = await reading.catch((one: unknown) => one);
        expect([list, page, error]).toEqual([list, page, expect.any(ClusterUnreachableError)]);
        expect([list, page, (error as Error).name]).toEqual([list, page, name]);
      }
    }
  });
});

test('a cluster that is deleted before it is described runs nothing, and one that is being deleted is not read', async () => {
  const clusters = new EksClusters();
  expect(await collect(clusters.source.tasks(cluster))).toEqual([]);
  await clusters.describe(cluster, { status: 'DELETING' });
  await expect(collect(clusters.source.tasks(cluster))).rejects.toMatchObject({ name: 'ClusterNotActiveError' });
  await clusters.stop();
});

test('clusters of one name in two Regions, and in two accounts, are read apart', async () => {
  const clusters = new EksClusters();
  const places = [cluster, { ...cluster, region: 'us-east-1' }, { ...cluster, account: '777788889999' }];
  for (const [count, place] of places.entries())
    await clusters.addPods(place, ...Array.from({ length: count + 1 }, (_, number) => pod(number)));
  for (const [count, place] of places.entries())
    expect((await collect(clusters.source.tasks(place))).flat()).toHaveLength(count + 1);
  await clusters.stop();
});
