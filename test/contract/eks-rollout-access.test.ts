import { DescribeClusterCommand, EKSClient } from '@aws-sdk/client-eks';
import { afterAll, beforeAll } from '@jest/globals';
import { mockClient } from 'aws-sdk-client-mock';
import { type ClusterServer, startClusterServer, storeApi } from '../../local/kubernetes/cluster-server.ts';
import { type KubernetesObject, resourceOfKind } from '../../local/kubernetes/objects.ts';
import { DEPLOYER_LIMITS, EksDeployer } from '../../shared/adapters/eks-deployer.ts';
import { newAuthority, newServer } from '../support/certificates.ts';
import { KEYS } from '../support/eks-clusters.ts';
import { eksRolloutAccessContract, type RolloutAccessWorld } from './eks-rollout-access.contract.ts';

/** The cluster of this repository in this process. EKS is answered by hand; its access entries are in the slow tests. */
let server: ClusterServer;
let world: RolloutAccessWorld;
const eks = mockClient(EKSClient);

beforeAll(async () => {
  const authority = newAuthority();
  const { certificate, privateKey } = newServer(authority);
  server = await startClusterServer({
    ...{ certificateAuthority: authority.certificate, certificate, key: privateKey },
    reviewToken: async () => ({ username: 'rollout', groups: ['patchwave:rollout', 'system:authenticated'] }),
    runtime: { pull: async (image) => image },
  });
  const data = Buffer.from(server.certificateAuthority).toString('base64');
  eks.on(DescribeClusterCommand).resolves({
    cluster: { status: 'ACTIVE', endpoint: server.endpoint, certificateAuthority: { data } },
  });
  const api = storeApi(server.store);
  world = {
    place: { account: '444455556666', region: 'eu-west-1', cluster: 'prod' },
    admin: {
      ...api,
      ensure: async (object: KubernetesObject) => {
        const resource = resourceOfKind(object.apiVersion, object.kind);
        if (resource) await api.create(resource, object);
      },
    },
    control: async (...workloads) => {
      for (const workload of workloads) await server.look(workload);
      await server.settled();
    },
    deployer: async () =>
      new EksDeployer({
        clients: () => new EKSClient({ region: 'eu-west-1' }),
        credentials: async () => KEYS,
        clock: Date.now,
        limits: { ...DEPLOYER_LIMITS, retry: { attempts: 2, wait: async () => {} } },
      }),
  };
});
afterAll(async () => {
  eks.restore();
  await server.stop();
});

eksRolloutAccessContract(() => world);
