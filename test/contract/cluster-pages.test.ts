import { afterAll, beforeAll } from '@jest/globals';
import { LambdaFunctionsInVpcs } from '../../shared/adapters/functions-in-vpcs.ts';
import type { Pod } from '../../shared/domain/image/kubernetes-pod.ts';
import type { ClusterPages } from '../../shared/ports/cluster-pages.ts';
import { EksClusters } from '../support/eks-clusters.ts';
import { answer, type KubernetesServer, status } from '../support/kubernetes-server.ts';

const cluster = { account: '444455556666', region: 'eu-west-1', cluster: 'prod' };
const pod = (name: string): Pod => ({
  metadata: { namespace: 'shop', name, labels: { secret: 'label' } },
  spec: { containers: [{ name: 'app', image: 'web:1' }] },
  status: { phase: 'Running' },
});
const DEPLOYMENT = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' };

describe.each([
  ['by the Kubernetes API', false],
  ['by the function in the VPC', true],
])('the lists of a cluster %s', (_, arePrivate) => {
  const clusters = new EksClusters({ arePrivate });
  let server: KubernetesServer;
  let pages: ClusterPages;

  beforeAll(async () => {
    server = await clusters.server(cluster);
    await clusters.addPods(cluster, ...['a', 'b', 'c'].map(pod), { ...pod('over'), status: { phase: 'Succeeded' } });
    await clusters.addNode(cluster, 'node-1', 'arm64');
    const ownerReferences = [{ controller: true, ...DEPLOYMENT, uid: 'web' }];
    const metadata = { name: 'web-1', uid: 'web-1', creationTimestamp: '2026-11-01T00:00:00Z', ownerReferences };
    await clusters.add(cluster, '/apis/apps/v1/replicasets', { metadata });
    await clusters.addOwned(cluster, 'Job', 'import-1', { apiVersion: 'batch/v1', kind: 'CronJob', name: 'import' });
    const found = await clusters.pagesOf(cluster);
    if (!found) throw new Error('there are no pages');
    pages = found;
  });
  afterAll(async () => {
    pages.close();
    await clusters.stop();
  });

  const facts = (name: string) => ({ namespace: 'shop', name, containers: [{ name: 'app', image: 'web:1' }] });

  test('come in pages of at most as many objects as asked for, and the last page has no token', async () => {
    const first = await pages.page('pods', { limit: 2 });
    expect(first).toEqual({ facts: [facts('a'), facts('b')], token: expect.any(String), isExpired: false });
    const token = first === 'too-large' ? undefined : first.token;
    // A pod that is over adds no facts.
    const last = await pages.page('pods', { limit: 2, ...(token !== undefined && { token }) });
    expect(last).toEqual({ facts: [facts('c')], isExpired: false });
  });

  test('have the facts of nodes, ReplicaSets and Jobs', async () => {
    const read = async (list: 'nodes' | 'replicasets' | 'jobs') => {
      const page = await pages.page(list, { limit: 500 });
      return page === 'too-large' ? page : page.facts;
    };
    expect(await read('nodes')).toEqual([{ name: 'node-1', architecture: 'arm64' }]);
    expect(await read('replicasets')).toEqual([
      {
        ...{ uid: 'web-1', createdAtEpochMs: Date.parse('2026-11-01T00:00:00Z') },
        ...{ owner: { group: 'apps', kind: 'Deployment', name: 'web' }, ownerUid: 'web' },
      },
    ]);
    expect(await read('jobs')).toEqual([
      { uid: 'import-1', owner: { group: 'batch', kind: 'CronJob', name: 'import' } },
    ]);
  });

  test('tell of an expired snapshot, with the token that goes on', async () => {
    server.once(
      ({ query }) => query.get('continue') === '2',
      (response) => answer(response, 410, status(410, 'Expired', 'too old', 'later')),
    );
    expect(await pages.page('pods', { limit: 2, token: '2' })).toEqual({ facts: [], token: 'later', isExpired: true });
  });

  test('that may not be read are an error, never empty', async () => {
    server.allowed = new Set(['nodes']);
    await expect(pages.page('pods', { limit: 500 })).rejects.toMatchObject({ name: 'ClusterForbiddenError', cluster });
    server.allowed = undefined;
  });

  test('that a server does not answer are an error, never empty', async () => {
    server.misbehaviours.push((_asked, response) => {
      response.destroy();
      return true;
    });
    await expect(pages.page('pods', { limit: 500 })).rejects.toMatchObject({ name: 'ClusterFailingError', cluster });
    server.misbehaviours.length = 0;
  });
});

test('a read role whose name no function can have finds none', async () => {
  const functions = new LambdaFunctionsInVpcs({
    clients: () => {
      throw new Error('Lambda is not called');
    },
    prefix: 'Patchwave.Read',
  });
  expect(await functions.find(cluster, 'vpc-0123456789abcdef0')).toBeUndefined();
});
