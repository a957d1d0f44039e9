import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, jest } from '@jest/globals';
import { parse as parseYaml } from 'yaml';
import { buildFiles, NoDoorsError } from '../../enforcement/build/build-files.ts';
import { makeEksCluster } from '../../local/kubernetes/eks.ts';
import type { Cluster } from '../../shared/domain/image/usage.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { metrics } from '../../shared/lambda/metrics.ts';
import { logger } from '../../shared/lambda/powertools.ts';
import { useCloud } from '../support/cloud.ts';
import { type ConformanceCase, conformanceCases } from '../support/conformance/cases.ts';
import { decidedBy, matrixText, notExpressed, putToDoors } from '../support/conformance/matrix.ts';
import {
  collectionOf,
  storedBefore,
  WEBHOOK_ON_SERVER,
  webhookOnServerDoor,
} from '../support/conformance/webhook-server-door.ts';
import { type KubeApiserver, startKubeApiserver } from '../support/kube-apiserver.ts';
import { type ApiObject, KubernetesClient } from '../support/kubernetes-client.ts';
import { programs } from '../support/kubernetes-programs.ts';
import { type AskedReview, WebhookServer } from '../support/webhook-server.ts';

/* The admission webhook with the configuration of `enforcement:build`, before the real API server. */

const CLUSTER: Cluster = { account: '444455556666', region: 'eu-west-1', cluster: 'prod' };
const CONFIGURATION = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/patchwave';

const cloud = useCloud();
let server: KubeApiserver;
let administrator: KubernetesClient;
const clients = new Map<string, KubernetesClient>();
const webhook = new WebhookServer(CLUSTER.region, 'secret-0');

beforeAll(async () => {
  for (const level of ['info', 'warn', 'error'] as const) jest.spyOn(logger, level).mockImplementation(() => {});
  jest.spyOn(metrics, 'publishStoredMetrics').mockReturnThis();
  await webhook.start();
  await makeEksCluster(cloud(), CLUSTER);
  server = await startKubeApiserver(await programs(), cloud(), CLUSTER);
  administrator = new KubernetesClient(server);
  for (const name of ['shop', 'stage', 'lab']) await server.admin.ensureNamespace(name);
  // What the API server allows is not what is tried here.
  await server.admin.ensure({
    ...{ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRoleBinding', metadata: { name: 'everybody' } },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'system:authenticated' }],
  });
}, 120_000);
afterAll(async () => {
  for (const client of clients.values()) client.close();
  administrator?.close();
  await server?.stop();
  await webhook.stop();
  jest.restoreAllMocks();
});

interface Person {
  readonly username: string;
  readonly groups: readonly string[];
}

function clientOf({ username, groups }: Person): KubernetesClient {
  const key = JSON.stringify([username, groups]);
  const client = clients.get(key) ?? new KubernetesClient(server, { name: username, groups });
  clients.set(key, client);
  return client;
}

/** The shipped file, with the authority of this server. */
function shipped(policy: Policy, secret: string, caBundle = webhook.caBundle): ApiObject | undefined {
  try {
    const files = buildFiles(policy, { clusters: [CLUSTER], shardCount: 16, webhookUrl: `${webhook.url}/${secret}` });
    const [, text] = [...files].find(([path]) => path.endsWith('/webhook.yaml')) ?? [];
    if (text === undefined) return undefined;
    const object = parseYaml(text);
    for (const { clientConfig } of object.webhooks) clientConfig.caBundle = caBundle;
    return object;
  } catch (error) {
    if (error instanceof NoDoorsError) return undefined;
    throw error;
  }
}

let inForce = '';
let secrets = 0;

/** Applies a configuration and waits until the server follows it: until it sends the new secret, or asks no more. */
async function configure(policy: Policy): Promise<void> {
  const key = JSON.stringify(policy.doors);
  if (key === inForce) return;
  secrets += 1;
  webhook.secret = `secret-${secrets}`;
  const object = shipped(policy, webhook.secret);
  if (object) expect((await administrator.apply(object)).status).toBeLessThan(300);
  else await administrator.send('DELETE', CONFIGURATION);
  for (const end = Date.now() + 30_000; ; await sleep(50)) {
    const before = webhook.asked.length;
    await probe();
    const asked = webhook.asked.slice(before);
    if (object ? asked.some(({ secret }) => secret === webhook.secret) : asked.length === 0) break;
    if (Date.now() > end) throw new Error('the webhook configuration has had no effect after 30 s');
  }
  inForce = key;
}
/** Two requests of which every configuration asks at least one. No case has objects of this name. */
async function probe(): Promise<void> {
  const annotations = { 'patchwave.dev/break-glass': 'probe' };
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'probe', annotations } };
  await administrator.send('POST', '/api/v1/namespaces?dryRun=All', namespace);
  const template = { metadata: { name: 'probe' }, template: { spec: { containers: [{ name: 'a', image: 'a' }] } } };
  await administrator.send('POST', '/api/v1/namespaces/default/podtemplates?dryRun=All', template);
}
const isProbe = ({ request }: AskedReview['body']): boolean => request?.name === 'probe';

describe('the cases of enforcement/cases', () => {
  const cases = conformanceCases();
  const door = webhookOnServerDoor({
    ...{ webhook, clientOf },
    configure: (one: ConformanceCase) => configure(one.situation.policy),
  });

  beforeAll(async () => {
    for (const one of cases) {
      if (one.place.namespace !== undefined) await server.admin.ensureNamespace(one.place.namespace);
      const object = storedBefore(one);
      if (!object) continue;
      const { status, body } = await administrator.send('POST', collectionOf(one), object);
      expect([one.id, status, body.message]).toEqual([one.id, 201, undefined]);
    }
  }, 60_000);

  test('have at the client the answers that are due', async () => {
    const outcomes = await putToDoors([door], cases, notExpressed());
    const asked = webhook.asked.filter(({ body }) => !isProbe(body)).length;
    process.stderr.write(`${matrixText(outcomes)}\n${asked} reviews were asked of the webhook\n`);
    expect(outcomes.flatMap(({ problem }) => problem ?? [])).toEqual([]);
    expect(decidedBy(WEBHOOK_ON_SERVER, outcomes)).toBeGreaterThanOrEqual(180);
  }, 180_000);
});
