import { DescribeClusterCommand, EKSClient, ResourceNotFoundException } from '@aws-sdk/client-eks';
import { afterAll, beforeAll } from '@jest/globals';
import { mockClient } from 'aws-sdk-client-mock';
import { allowedImagesDefinition, firstAllowedImages } from '../../enforcement/build/allowed-images.ts';
import { type ClusterServer, startClusterServer, storeApi } from '../../local/kubernetes/cluster-server.ts';
import { type KubernetesObject, RESOURCES, resourceOfKind } from '../../local/kubernetes/objects.ts';
import { EksAllowedImages } from '../../shared/adapters/eks-allowed-images.ts';
import { KUBERNETES_LIMITS } from '../../shared/adapters/kubernetes-api.ts';
import { newAuthority, newServer } from '../support/certificates.ts';
import { constraintDefinition, shippedConstraint } from '../support/constraint-definition.ts';
import { KEYS } from '../support/eks-clusters.ts';
import { eksPublishAccessContract, type PublishAccessWorld } from './eks-publish-access.contract.ts';
import {
  constraintsContract,
  missingListsContract,
  type PublishedListsWorld,
  publishedListsContract,
} from './published-lists.contract.ts';

/** Clusters of this repository in this process. EKS is answered by hand. */
const eks = mockClient(EKSClient);
const servers: ClusterServer[] = [];
const place = (cluster: string) => ({ account: '444455556666', region: 'eu-west-1', cluster });
let world: PublishedListsWorld;
let access: PublishAccessWorld;

const adminOf = ({ store }: ClusterServer): PublishAccessWorld['admin'] => {
  const api = storeApi(store);
  return {
    ...api,
    ensure: async (object: KubernetesObject) => {
      const resource = resourceOfKind(object.apiVersion, object.kind);
      if (resource) await api.create(resource, object).catch(() => undefined);
    },
  };
};

async function serve(cluster: string, groups: readonly string[] | undefined): Promise<ClusterServer> {
  const authority = newAuthority();
  const { certificate, privateKey } = newServer(authority);
  const server = await startClusterServer({
    ...{ certificateAuthority: authority.certificate, certificate, key: privateKey },
    reviewToken: async () => groups && { username: 'publish', groups },
    runtime: { pull: async (image) => image },
  });
  servers.push(server);
  const data = Buffer.from(server.certificateAuthority).toString('base64');
  eks.on(DescribeClusterCommand, { name: cluster }).resolves({
    cluster: { status: 'ACTIVE', endpoint: server.endpoint, certificateAuthority: { data } },
  });
  return server;
}

/** The definition of lists before they had `readAt`. */
function earlierDefinition(): KubernetesObject {
  const definition = structuredClone(allowedImagesDefinition) as unknown as {
    readonly spec: {
      readonly versions: readonly [
        { readonly schema: { openAPIV3Schema: { properties: { spec: { properties: Record<string, unknown> } } } } },
      ];
    };
  };
  delete definition.spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.readAt;
  return definition as unknown as KubernetesObject;
}

/** The definition of constraints before their lists had `readAt`. */
function earlierConstraints(): KubernetesObject {
  const text = JSON.stringify(constraintDefinition(), (name, value: unknown) =>
    name === 'readAt' ? undefined : value,
  );
  return JSON.parse(text) as KubernetesObject;
}

beforeAll(async () => {
  eks.on(DescribeClusterCommand).rejects(new ResourceNotFoundException({ message: 'gone', $metadata: {} }));
  const prod = await serve('prod', ['system:masters']);
  await serve('bare', ['system:masters']);
  await serve('stranger', undefined);
  const earlier = adminOf(await serve('earlier', ['system:masters']));
  await earlier.ensure(earlierDefinition());
  await earlier.ensure(earlierConstraints());
  await earlier.ensure(shippedConstraint('patchwave-images-deny'));
  for (const list of firstAllowedImages(16).slice(0, 1)) await earlier.ensure(list as unknown as KubernetesObject);
  const restricted = await serve('restricted', ['patchwave:publish', 'system:authenticated']);
  const lists = new EksAllowedImages({
    clients: () => new EKSClient({ region: 'eu-west-1' }),
    credentials: async () => KEYS,
    clock: Date.now,
    limits: { ...KUBERNETES_LIMITS, retry: { attempts: 2, wait: async () => {} } },
  });
  const admin = adminOf(prod);
  await admin.ensure(allowedImagesDefinition as unknown as KubernetesObject);
  await admin.ensure(constraintDefinition());
  const [first] = firstAllowedImages(1);
  world = {
    lists,
    cluster: place('prod'),
    createFirst: async (name) => admin.ensure({ ...first, metadata: { name } } as unknown as KubernetesObject),
    specOf: async (name) => prod.store.get(RESOURCES.allowedImages, undefined, name).spec,
    constraints: {
      create: async (name) => admin.ensure(shippedConstraint(name)),
      remove: (name) => admin.remove(RESOURCES.constraints, { metadata: { name } } as KubernetesObject),
      parametersOf: async (name) => prod.store.get(RESOURCES.constraints, undefined, name).spec?.parameters,
    },
  };
  access = { place: place('restricted'), admin: adminOf(restricted), publisher: async () => lists };
});
afterAll(async () => {
  eks.restore();
  for (const server of servers) await server.stop();
});

describe('the lists of EKS', () => {
  publishedListsContract(() => world);
  constraintsContract(() => world);
  missingListsContract(() => ({
    lists: world.lists,
    ...{ undefinedCluster: place('bare'), deletedCluster: place('gone'), unreachable: place('stranger') },
  }));
});
test.each([
  ['a list that is there', 'digests-0'],
  ['a new list', 'digests-1'],
])('a cluster with the definition of an earlier version refuses %s, and says what to do', async (_, name) => {
  const list = { notAfter: '2026-11-30T00:00:00Z', readAt: '2026-11-29T00:00:00Z', policyVersion: 'x' };
  const written = world.lists.inCluster(place('earlier'), AbortSignal.timeout(30_000), async (lists) =>
    lists.write(name, { ...list, digests: {}, running: {} }, await lists.read(name)),
  );
  await expect(written).rejects.toMatchObject({
    name: 'ListRefusedError',
    message: expect.stringMatching(/refuses the list .*readAt.*Apply allowed-images-definition\.yaml/),
  });
});
test('a constraint of an earlier version refuses its list, and says what to do', async () => {
  const list = { notAfter: '2026-11-30T00:00:00Z', readAt: '2026-11-29T00:00:00Z', policyVersion: 'x' };
  const written = world.lists.inCluster(place('earlier'), AbortSignal.timeout(30_000), async ({ constraints }) =>
    constraints.write(
      'patchwave-images-deny',
      { ...list, digests: {}, running: {} },
      await constraints.read('patchwave-images-deny'),
    ),
  );
  await expect(written).rejects.toMatchObject({
    name: 'ListRefusedError',
    message: expect.stringMatching(/refuses the list patchwave-images-deny.*readAt.*Apply gatekeeper\.yaml/),
  });
});
describe('the access of the publisher', () => eksPublishAccessContract(() => access));
