import { afterAll } from '@jest/globals';
import { EksWorkloads } from '../../shared/adapters/eks-workloads.ts';
import type { Pod } from '../../shared/domain/image/kubernetes-pod.ts';
import type { Cluster } from '../../shared/domain/image/usage.ts';
import { EksClusters } from '../support/eks-clusters.ts';
import { type Workload, type WorkloadsWorld, workloadsContract } from './workloads.contract.ts';

/** A Deployment has a ReplicaSet, and that has pods; a standalone pod has no owner. */
async function run(clusters: EksClusters, cluster: Cluster, workload: Workload): Promise<void> {
  const { kind, name, count, architecture, containers } = workload;
  const uid = `${name}-5d8f7`;
  if (kind === 'service')
    await clusters.addOwned(cluster, 'ReplicaSet', uid, { apiVersion: 'apps/v1', kind: 'Deployment', name });
  await clusters.addNode(cluster, `node-${architecture}`, architecture);
  const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: uid, uid, controller: true };
  const pods = Array.from(
    { length: count },
    (_, n): Pod => ({
      metadata: {
        namespace: 'default',
        name: kind === 'service' ? `${uid}-${n}` : name,
        ...(kind === 'service' && { ownerReferences: [owner] }),
      },
      spec: {
        nodeName: `node-${architecture}`,
        containers: containers.map(({ name: container, image }) => ({ name: container, ...(image && { image }) })),
      },
      status: {
        phase: 'Running',
        containerStatuses: containers.map(({ name: container, digest }) => ({
          name: container,
          imageID: digest ? `somewhere.example/else@${digest}` : '',
        })),
      },
    }),
  );
  await clusters.addPods(cluster, ...pods);
  if (kind === 'service' && count === 0)
    await clusters.add(cluster, '/apis/apps/v1/deployments', {
      metadata: { namespace: 'default', name },
      spec: { replicas: 0, template: { spec: { containers: containers.map(({ digest, ...named }) => named) } } },
      status: {},
    });
}

const unreachable = { account: '999999999999', region: 'eu-west-1' };

describe.each([
  ['clusters whose endpoints are public', false],
  ['clusters whose endpoints are private, by the function in their VPC', true],
])('%s', (_, arePrivate) => {
  const clusters = new EksClusters({ arePrivate }).deny(unreachable);
  afterAll(() => clusters.stop());

  const world: WorkloadsWorld = {
    source: clusters.source,
    reported: ({ kind, name }) => ({
      workloadKind: kind === 'service' ? 'eks-deployment' : 'eks-pod',
      workload: `default/${name}`,
    }),
    unreachable: { scope: 'ScopeUnreachableError', cluster: 'ClusterAccessDeniedError' },
    createCluster: async (cluster) => void (await clusters.server(cluster)),
    run: (cluster, workload) => run(clusters, cluster, workload),
    stop: async (cluster, workload) => {
      const { collections } = await clusters.server(cluster);
      for (const pod of collections.get('/api/v1/pods') ?? [])
        if ((pod as Pod).metadata?.name === workload) Object.assign(pod, { status: { phase: 'Succeeded' } });
    },
  };

  test('the source of this suite is the real adapter', () => {
    expect(world.source).toBeInstanceOf(EksWorkloads);
  });

  let accounts = 100_000_000_000;
  workloadsContract(() => world, { next: () => ({ account: String(++accounts), region: 'eu-west-1' }), unreachable });

  test('pods are read by the function exactly where the endpoint is private', () => {
    expect(clusters.requests.length > 0).toBe(arePrivate);
  });
});
