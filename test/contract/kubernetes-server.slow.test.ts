import { afterAll, beforeAll } from '@jest/globals';
import { firstAllowedImages } from '../../enforcement/build/allowed-images.ts';
import { AdminApi } from '../../local/kubernetes/admin-api.ts';
import { type ClusterServer, serveCluster } from '../../local/kubernetes/cluster-server.ts';
import { makeEksCluster } from '../../local/kubernetes/eks.ts';
import { type KubernetesObject, RESOURCES } from '../../local/kubernetes/objects.ts';
import { useCloud } from '../support/cloud.ts';
import { shippedConstraint } from '../support/constraint-definition.ts';
import { admissionWebhooksContract } from './admission-webhooks.contract.ts';
import { eksAccessContract } from './eks-access.contract.ts';
import { eksPublishAccessContract, publisherIn } from './eks-publish-access.contract.ts';
import { deployerIn, eksRolloutAccessContract } from './eks-rollout-access.contract.ts';
import { type KubernetesWorld, kubernetesServerContract } from './kubernetes-server.contract.ts';
import { constraintsContract, type PublishedListsWorld, publishedListsContract } from './published-lists.contract.ts';

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
describe('the lists of EKS', () => {
  let lists: Awaited<ReturnType<typeof publisherIn>>;
  beforeAll(async () => {
    lists = await publisherIn(world);
  });
  const published = (): PublishedListsWorld => ({
    ...{ lists, cluster: world.place },
    createFirst: async (name) => {
      const [first] = firstAllowedImages(1);
      await world.admin.ensure({ ...first, metadata: { name } } as unknown as KubernetesObject);
    },
    specOf: async (name) => (await world.admin.get(RESOURCES.allowedImages, undefined, name))?.spec,
    constraints: {
      create: async (name) => world.admin.ensure(shippedConstraint(name)),
      remove: (name) => world.admin.remove(RESOURCES.constraints, { metadata: { name } } as KubernetesObject),
      parametersOf: async (name) => (await world.admin.get(RESOURCES.constraints, undefined, name))?.spec?.parameters,
    },
  });
  publishedListsContract(published);
  constraintsContract(published);
});
