/** A real API server that asks the real webhook, by the configuration that `enforcement:build` writes. */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseAllDocuments } from 'yaml';
import { buildFiles, NoDoorsError } from '../../enforcement/build/build-files.ts';
import type { PathKey } from '../../enforcement/build/path-key.ts';
import { PathKeys } from '../../functions/admission-webhook/path-keys.ts';
import type { Cloud } from '../../local/cloud.ts';
import { makeEksCluster } from '../../local/kubernetes/eks.ts';
import type { PathUse } from '../../shared/domain/admission/webhook-path.ts';
import type { Cluster } from '../../shared/domain/image/usage.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { type KubeApiserver, startKubeApiserver } from './kube-apiserver.ts';
import { type ApiObject, KubernetesClient } from './kubernetes-client.ts';
import { programs } from './kubernetes-programs.ts';
import { pathKey } from './path-key.ts';
import { type AskedReview, WebhookServer } from './webhook-server.ts';

export interface Person {
  readonly username: string;
  readonly groups: readonly string[];
}

const configurationOf = (kind: 'validating' | 'mutating'): string =>
  `/apis/admissionregistration.k8s.io/v1/${kind}webhookconfigurations/patchwave`;

export class WebhookCluster {
  readonly webhook: WebhookServer;
  readonly cluster: Cluster;
  readonly server: KubeApiserver;
  readonly administrator: KubernetesClient;
  readonly #clients = new Map<string, KubernetesClient>();
  #inForce = '';
  #keys = 0;

  private constructor(cluster: Cluster, server: KubeApiserver, webhook: WebhookServer) {
    this.cluster = cluster;
    this.server = server;
    this.webhook = webhook;
    this.administrator = new KubernetesClient(server);
  }

  /** Everybody may do everything, but for what the webhook refuses. */
  static async start(cloud: Cloud, cluster: Cluster, namespaces: readonly string[]): Promise<WebhookCluster> {
    await makeEksCluster(cloud, cluster);
    const server = await startKubeApiserver(await programs(), cloud, cluster);
    const started = new WebhookCluster(cluster, server, await new WebhookServer(cluster.region).start());
    for (const name of namespaces) await server.admin.ensureNamespace(name);
    await server.admin.ensure({
      ...{ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRoleBinding', metadata: { name: 'everybody' } },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'system:authenticated' }],
    });
    return started;
  }

  /** That of the configuration in force. */
  get #key(): PathKey {
    return pathKey(this.#keys);
  }

  /** In the path of the webhooks in force. */
  signature(use: PathUse, cluster = this.cluster): string {
    return this.#key.sign(use, cluster);
  }

  async stop(): Promise<void> {
    for (const client of [this.administrator, ...this.#clients.values()]) client.close();
    await this.server.stop();
    await this.webhook.stop();
  }

  clientOf({ username, groups }: Person): KubernetesClient {
    const key = JSON.stringify([username, groups]);
    const client = this.#clients.get(key) ?? new KubernetesClient(this.server, { name: username, groups });
    this.#clients.set(key, client);
    return client;
  }

  /** Applies what is shipped for the policy, and waits until the API server follows it; nothing, if it is in force. */
  async configure(policy: Policy): Promise<void> {
    const key = JSON.stringify(policy.doors);
    if (key === this.#inForce) return;
    this.#keys += 1;
    this.webhook.keys = new PathKeys([this.#key.publicKey]);
    const [object, tags] = this.#shipped(policy, this.webhook.caBundle);
    if (object) await this.#apply(object);
    else await this.administrator.send('DELETE', configurationOf('validating'));
    if (tags) await this.#apply(tags);
    else await this.administrator.send('DELETE', configurationOf('mutating'));
    const secrets = new Set((['pods', 'namespaces'] as const).map((use) => this.signature(use)));
    await this.#until((asked) => (object ? asked.some(({ secret }) => secrets.has(secret)) : asked.length === 0));
    this.#inForce = key;
  }

  /** The same with a certificate authority that is not the one of the webhook, until the API server asks no more. */
  async mistrust(policy: Policy, caBundle: string): Promise<void> {
    const [object] = this.#shipped(policy, caBundle);
    if (!object) throw new Error('the policy needs no webhook');
    await this.#apply(object);
    await this.#until((asked) => asked.length === 0);
    this.#inForce = '';
  }

  /** Whether a review is of the requests by which this class finds out what is in force. */
  static isProbe({ body: { request } }: AskedReview): boolean {
    return request?.name === 'probe';
  }

  async #apply(object: ApiObject): Promise<void> {
    const { status, body } = await this.administrator.apply(object);
    if (status >= 300) throw new Error(`the API server refuses the webhook configuration: ${body.message}`);
  }

  /** What the shipped file has, with the certificate authority of a webhook that has no public one. */
  #shipped(policy: Policy, caBundle: string): readonly ApiObject[] {
    try {
      const webhook = { url: this.webhook.url, sign: this.#key.sign };
      const files = buildFiles(policy, { clusters: [this.cluster], shardCount: 16, webhook });
      const [, text = ''] = [...files].find(([path]) => path.endsWith('/webhook.yaml')) ?? [];
      return text === '' ? [] : parseAllDocuments(text).map((document) => trusting(document.toJS(), caBundle));
    } catch (error) {
      if (error instanceof NoDoorsError) return [];
      throw error;
    }
  }

  /** Sends two requests, of which every configuration asks at least one, until what is asked is as it should be. */
  async #until(isSo: (asked: readonly AskedReview[]) => boolean): Promise<void> {
    const annotations = { 'patchwave.dev/break-glass': 'probe' };
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'probe', annotations } };
    const template = { metadata: { name: 'probe' }, template: { spec: { containers: [{ name: 'a', image: 'a' }] } } };
    for (const end = Date.now() + 30_000; ; await sleep(50)) {
      const before = this.webhook.asked.length;
      await this.administrator.send('POST', '/api/v1/namespaces?dryRun=All', namespace);
      await this.administrator.send('POST', '/api/v1/namespaces/default/podtemplates?dryRun=All', template);
      if (isSo(this.webhook.asked.slice(before))) return;
      if (Date.now() > end) throw new Error('the webhook configuration has had no effect after 30 s');
    }
  }
}

function trusting(
  configuration: ApiObject & { readonly webhooks: readonly { readonly clientConfig: { caBundle?: string } }[] },
  caBundle: string,
): ApiObject {
  for (const { clientConfig } of configuration.webhooks) clientConfig.caBundle = caBundle;
  return configuration;
}
