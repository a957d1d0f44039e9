import { afterAll, beforeAll } from '@jest/globals';
import { AdminApi } from '../../local/kubernetes/admin-api.ts';
import { type ClusterServer, serveCluster } from '../../local/kubernetes/cluster-server.ts';
import { makeEksCluster } from '../../local/kubernetes/eks.ts';
import { useCloud } from '../support/cloud.ts';
import { admissionWebhooksContract } from './admission-webhooks.contract.ts';
import { eksAccessContract } from './eks-access.contract.ts';
import { eksPublishAccessContract, publisherIn } from './eks-publish-access.contract.ts';
import { eksPublishedListsContract } from './eks-published-lists.contract.ts';
import { deployerIn, eksRolloutAccessContract } from './eks-rollout-access.contract.ts';
import { type KubernetesWorld, kubernetesServerContract } from './kubernetes-server.contract.ts';

const cloud = useCloud();
let server: ClusterServer;
let world: KubernetesWorld;

beforeAll(async () => {
  const place = { account: '444455556666', region: 'eu-west-1', cluster: 'prod' };
  await makeEksCluster(cloud(), place);
  server = await serveCluster(cloud(), place);
  const { endpoint, certificateAuthority } = server;
  const administrator = { commonName: 'admin', organizations: ['system:masters'] };
  world = {
    ...{ endpoint, certificateAuthority, place, cloud: cloud(), tokensCachedMs: 0 },
    admin: new AdminApi(server, await cloud().admin.issueCertificate(place, administrator)),
    control: () => server.settled(),
    expireContinueTokens: async () => server.store.compact(),
    overloaded: async (requests) => {
      server.refuse(requests / 2);
      return server;
    },
  };
});
afterAll(async () => {
  world.admin.close();
  await server.stop();
});

describe('the API server', () => kubernetesServerContract(() => world));
describe('the admission webhooks', () => admissionWebhooksContract(() => world));
describe('the access of the inventory', () => eksAccessContract(() => world));
describe('the access of the rollout', () =>
  eksRolloutAccessContract(() => ({ ...world, deployer: () => deployerIn(world) })));
describe('the access of the publisher', () =>
  eksPublishAccessContract(() => ({ ...world, publisher: () => publisherIn(world) })));
describe('the lists of EKS', () => eksPublishedListsContract(() => world));
