import { afterAll, beforeAll } from '@jest/globals';
import { reconcile } from '../../local/kubernetes/controllers.ts';
import { makeEksCluster } from '../../local/kubernetes/eks.ts';
import { runtimeOf } from '../../local/kubernetes/image-runtime.ts';
import { admissionWebhooksContract } from '../contract/admission-webhooks.contract.ts';
import { eksAccessContract } from '../contract/eks-access.contract.ts';
import { eksDeployerContract } from '../contract/eks-deployer.contract.ts';
import { eksPublishAccessContract, publisherIn } from '../contract/eks-publish-access.contract.ts';
import { eksPublishedListsContract } from '../contract/eks-published-lists.contract.ts';
import { deployerIn, eksRolloutAccessContract } from '../contract/eks-rollout-access.contract.ts';
import { type KubernetesWorld, kubernetesServerContract } from '../contract/kubernetes-server.contract.ts';
import { useCloud } from '../support/cloud.ts';
import { eksDeployerWorld } from '../support/eks-deployer-world.ts';
import { type KubeApiserver, startKubeApiserver, TOKENS_CACHED_MS } from '../support/kube-apiserver.ts';
import { programs } from '../support/kubernetes-programs.ts';

/** So soon that a test can wait until a list has expired. */
const COMPACTED_EACH_MS = 3000;

const cloud = useCloud();
let server: KubeApiserver;
let world: KubernetesWorld;

beforeAll(async () => {
  const place = { account: '444455556666', region: 'eu-west-1', cluster: 'prod' };
  await makeEksCluster(cloud(), place);
  server = await startKubeApiserver(await programs(), cloud(), place, COMPACTED_EACH_MS);
  const { endpoint, certificateAuthority, admin } = server;
  const runtime = runtimeOf(cloud().endpoint);
  world = {
    ...{ endpoint, certificateAuthority, place, admin, cloud: cloud(), tokensCachedMs: TOKENS_CACHED_MS },
    control: async (...workloads) => {
      for (const workload of workloads) await reconcile({ api: admin, runtime }, workload);
    },
    // etcd drops a revision once a later one is as old as the interval, and the server asks each 15 s for what was dropped.
    expireContinueTokens: async () => {
      await admin.ensureNamespace('later');
      const metadata = { name: 'later', namespace: 'later' };
      const spec = { containers: [{ name: 'app', image: 'docker.io/library/busybox:1' }] };
      await admin.ensure({ apiVersion: 'v1', kind: 'Pod', metadata, spec });
    },
    overloaded: () => server.busy(),
  };
}, 120_000);
afterAll(async () => server?.stop());

describe('the API server', () => kubernetesServerContract(() => world));
describe('the admission webhooks', () => admissionWebhooksContract(() => world));
describe('the access of the inventory', () => eksAccessContract(() => world));
describe('the access of the rollout', () =>
  eksRolloutAccessContract(() => ({ ...world, deployer: () => deployerIn(world) })));
describe('the access of the publisher', () =>
  eksPublishAccessContract(() => ({ ...world, publisher: () => publisherIn(world) })));
describe('the lists of EKS', () => eksPublishedListsContract(() => world));

describe('the deployments of EKS', () => {
  let deployments: Awaited<ReturnType<typeof eksDeployerWorld>>;
  beforeAll(async () => {
    deployments = await eksDeployerWorld(world);
  });
  eksDeployerContract(() => deployments);
});
