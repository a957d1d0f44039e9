import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach } from '@jest/globals';
import { type ClusterServer, startClusterServer } from '../../../local/kubernetes/cluster-server.ts';
import { type KubernetesObject, RESOURCES } from '../../../local/kubernetes/objects.ts';
import { newAuthority, newServer } from '../../support/certificates.ts';

const labels = { app: 'web' };
const replicaSet: KubernetesObject = {
  ...{ apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata: { name: 'web', namespace: 'shop' } },
  spec: {
    ...{ replicas: 1, selector: { matchLabels: labels } },
    template: { metadata: { labels }, spec: { containers: [{ name: 'app', image: 'docker.io/team/app:1' }] } },
  },
};
const configuration: KubernetesObject = {
  ...{ apiVersion: 'admissionregistration.k8s.io/v1', kind: 'ValidatingWebhookConfiguration' },
  metadata: { name: 'door' },
  webhooks: [
    {
      ...{ name: 'door.example', clientConfig: { url: 'https://door.example/a' } },
      rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
    },
  ],
};

let webhook: Server;
let cluster: ClusterServer;
let allowed = false;
let users: string[] = [];

beforeEach(async () => {
  [allowed, users] = [false, []];
  webhook = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on('end', () => {
      const { apiVersion, kind, request: review } = JSON.parse(body);
      users.push(review.userInfo.username);
      response.end(JSON.stringify({ apiVersion, kind, response: { uid: review.uid, allowed } }));
    });
  });
  await new Promise<void>((resolve) => webhook.listen(0, '127.0.0.1', resolve));
  const { port } = webhook.address() as AddressInfo;
  const authority = newAuthority();
  const { certificate, privateKey: key } = newServer(authority);
  cluster = await startClusterServer({
    ...{ certificateAuthority: authority.certificate, certificate, key, reviewToken: async () => undefined },
    runtime: { pull: async (reference) => reference },
    route: ({ pathname, search }) => new URL(`http://127.0.0.1:${port}${pathname}${search}`),
  });
  cluster.store.create(RESOURCES.validatingWebhookConfigurations, configuration);
});
afterEach(async () => {
  await cluster.stop();
  webhook.closeAllConnections();
  await new Promise((resolve) => webhook.close(resolve));
});

test('a controller makes no pod that a webhook refuses, and makes it once the webhook lets it', async () => {
  const made = cluster.store.create(RESOURCES.replicaSets, replicaSet);
  await cluster.look(made);
  expect(cluster.store.all(RESOURCES.pods)).toEqual([]);
  expect(users).toEqual(['system:serviceaccount:kube-system:replicaset-controller']);
  allowed = true;
  await cluster.look(made);
  expect(cluster.store.all(RESOURCES.pods).map(({ status }) => status?.phase)).toEqual(['Running']);
});
