import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { CreateAccessEntryCommand, EKSClient } from '@aws-sdk/client-eks';
import { afterAll, beforeAll, beforeEach } from '@jest/globals';
import { parse as parseYaml } from 'yaml';
import { buildFiles } from '../../enforcement/build/build-files.ts';
import { eksToken, makeOpenRole, type SessionCredentials, sessionOf } from '../../local/cloud/probe-kubernetes.ts';
import { type KubernetesObject, RESOURCES } from '../../local/kubernetes/objects.ts';
import { policySchema } from '../../shared/domain/policy/policy.ts';
import { parse } from '../../shared/schema.ts';
import { newAuthority, newServer } from '../support/certificates.ts';
import { askKubernetes, type KubernetesQuestion } from '../support/kubernetes.ts';
import { pathKey } from '../support/path-key.ts';
import { digestOf } from '../support/samples.ts';
import type { KubernetesWorld } from './kubernetes-server.contract.ts';

const GROUP = 'patchwave:starters';
const KEY = pathKey(1);
const IMAGE = `docker.io/team/web@${digestOf('web')}`;
const LIMIT_MS = 60_000;

interface Asked {
  readonly path: string;
  readonly request: Readonly<Record<string, unknown>> & { readonly uid: string; readonly object: unknown };
}

interface Answered {
  readonly allowed: boolean;
  readonly warnings?: readonly string[];
  readonly status?: object;
}

/** How the API server asks the webhook, by the configuration that is shipped. */
export function admissionWebhooksContract(world: () => KubernetesWorld): void {
  const authority = newAuthority('webhook');
  const asked: Asked[] = [];
  let answer: Answered = { allowed: true };
  let server: Server;
  let port = 0;
  let credentials: SessionCredentials;

  /** An address that stays while the server is down. */
  const listen = async (): Promise<void> => {
    const { certificate: cert, privateKey: key } = newServer(authority, 'webhook');
    server = createServer({ cert, key }, (request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      request.on('end', () => {
        const { apiVersion, kind, request: review } = JSON.parse(body);
        asked.push({ path: request.url ?? '', request: review });
        response.end(JSON.stringify({ apiVersion, kind, response: { uid: review.uid, ...answer } }));
      });
    });
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
  };
  const hangUp = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };

  /** What is shipped for a policy, with a certificate authority: AWS has a public one. */
  const configuration = (certificate = authority.certificate): KubernetesObject => {
    const { place } = world();
    const policy = parse(policySchema, {
      ...{ version: 1, ages: { default: { limitDays: 30 } }, streams: [], severities: [] },
      doors: {
        rules: [
          { namespaces: ['closed'], mode: 'deny' },
          { namespaces: ['watched'], mode: 'warn' },
        ],
      },
    });
    const files = buildFiles(policy, {
      ...{ clusters: [place], shardCount: 16, webhook: { url: `https://127.0.0.1:${port}`, sign: KEY.sign } },
    });
    const [, text = ''] = [...files].find(([path]) => path.endsWith('/webhook.yaml')) ?? [];
    const object = parseYaml(text);
    for (const { clientConfig } of object.webhooks) clientConfig.caBundle = Buffer.from(certificate).toString('base64');
    return object;
  };

  const ask = (path: string, question: KubernetesQuestion = {}) => {
    const { region, cluster } = world().place;
    return askKubernetes(world(), path, { token: eksToken({ region, cluster, credentials }), ...question });
  };
  let made = 0;
  const pod = (image = IMAGE) => {
    made += 1;
    const metadata: KubernetesObject['metadata'] = { name: `web-${made}` };
    return { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [{ name: 'web', image }] } };
  };
  const start = (namespace: string, object = pod()) =>
    ask(`/api/v1/namespaces/${namespace}/pods`, {
      ...{ method: 'POST', headers: { 'content-type': 'application/json' }, body: object },
    });
  const change = (path: string, body: unknown) =>
    ask(path, { method: 'PATCH', headers: { 'content-type': 'application/merge-patch+json' }, body });
  const isThere = async (namespace: string, { metadata }: ReturnType<typeof pod>) =>
    (await world().admin.get(RESOURCES.pods, namespace, metadata.name)) !== undefined;

  /** A server follows a new configuration some time later. */
  const follows = async (isFollowed: () => Promise<boolean>): Promise<void> => {
    for (const end = Date.now() + 30_000; !(await isFollowed()); await sleep(100))
      if (Date.now() > end) throw new Error('the configuration has had no effect after 30 s');
  };

  beforeAll(async () => {
    await listen();
    const { admin, cloud, place } = world();
    const config = cloud.clients(place.account, place.region);
    const principalArn = await makeOpenRole(config, 'Starter');
    credentials = await sessionOf(config, principalArn, 'ada');
    await new EKSClient(config).send(
      new CreateAccessEntryCommand({ clusterName: place.cluster, principalArn, kubernetesGroups: [GROUP] }),
    );
    const metadata = { name: 'starters' };
    const verbs = ['create', 'patch'];
    await admin.ensure({
      ...{ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata },
      rules: [
        { apiGroups: [''], resources: ['pods', 'pods/status', 'namespaces'], verbs },
        { apiGroups: ['apps'], resources: ['deployments'], verbs },
      ],
    });
    await admin.ensure({
      ...{ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRoleBinding', metadata },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'starters' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: GROUP }],
    });
    for (const namespace of ['closed', 'watched', 'open']) await admin.ensureNamespace(namespace);
    await admin.create(RESOURCES.validatingWebhookConfigurations, configuration());
    await follows(async () => {
      await start('closed');
      return asked.length > 0;
    });
  }, LIMIT_MS);
  afterAll(async () => {
    await world().admin.remove(RESOURCES.validatingWebhookConfigurations, configuration());
    await hangUp();
  });
  beforeEach(() => {
    asked.length = 0;
    answer = { allowed: true };
  });

  test('a pod that is created is shown as it is going to be, with the person who creates it', async () => {
    const object = pod();
    expect((await start('closed', object)).status).toBe(201);
    const { account, cluster } = world().place;
    expect(asked.map(({ path }) => path)).toEqual([
      `/${KEY.sign('pods', world().place)}/${account}/${cluster}?timeout=5s`,
    ]);
    const [{ request = {} } = {}] = asked;
    expect(request).toMatchObject({
      ...{ uid: expect.any(String), operation: 'CREATE', namespace: 'closed', name: object.metadata.name },
      ...{ kind: { group: '', version: 'v1', kind: 'Pod' }, resource: { group: '', version: 'v1', resource: 'pods' } },
      userInfo: { username: expect.stringContaining('/Starter/ada'), groups: expect.arrayContaining([GROUP]) },
      ...{ object: { kind: 'Pod', metadata: { namespace: 'closed' }, spec: object.spec }, oldObject: null },
      dryRun: false,
    });
  });

  test('what is refused is not stored, and the person reads why', async () => {
    answer = { allowed: false, status: { code: 403, reason: 'Forbidden', message: 'it is "too old"' } };
    const object = pod();
    const { status, json } = await start('closed', object);
    expect(status).toBe(403);
    expect(json).toMatchObject({
      ...{ kind: 'Status', code: 403, reason: 'Forbidden' },
      message: 'admission webhook "pods-deny.patchwave.dev" denied the request: it is "too old"',
    });
    expect(await isThere('closed', object)).toBe(false);
  });

  test('a refusal that says nothing has the status 400', async () => {
    answer = { allowed: false };
    const { status, json } = await start('closed');
    expect([status, json.message]).toEqual([
      400,
      'admission webhook "pods-deny.patchwave.dev" denied the request without explanation',
    ]);
  });

  test('warnings reach the person', async () => {
    answer = { allowed: true, warnings: ['until “Monday”: "old" \\ image'] };
    const { status, headers } = await start('watched');
    const warning = Buffer.from(String(headers.warning), 'latin1').toString();
    expect([status, warning]).toEqual([201, '299 - "until “Monday”: \\"old\\" \\\\ image"']);
  });

  test.each([
    ['closed', ['pods-deny']],
    ['watched', ['pods-warn']],
    ['open', []],
  ])('the selector and the conditions choose: a pod in the namespace %s asks %j', async (namespace, names) => {
    answer = { allowed: false };
    const { status, json } = await start(namespace);
    const refusedBy = /^admission webhook "([a-z-]+)\.patchwave\.dev" denied/.exec(json.message ?? '')?.[1];
    expect([status, refusedBy, asked.length]).toEqual([names.length > 0 ? 400 : 201, names[0], names.length]);
  });

  test('an update asks only if it may start an image, and shows what was there', async () => {
    const object = pod();
    await start('closed', object);
    const path = `/api/v1/namespaces/closed/pods/${object.metadata.name}`;
    asked.length = 0;
    expect((await change(path, { metadata: { labels: { a: 'b' } } })).status).toBe(200);
    expect((await change(`${path}/status`, { status: { phase: 'Running' } })).status).toBe(200);
    expect(asked).toEqual([]);
    answer = { allowed: false };
    const containers = [{ name: 'web', image: `${IMAGE.slice(0, -1)}0` }];
    expect((await change(path, { spec: { containers } })).status).toBe(400);
    expect(asked.map(({ request }) => request)).toMatchObject([
      { operation: 'UPDATE', object: { spec: { containers } }, oldObject: { spec: object.spec } },
    ]);
  });

  test('a workload asks with its template, and not when it is scaled', async () => {
    const labels = { app: 'web' };
    const body = {
      ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' } },
      spec: {
        ...{ replicas: 0, selector: { matchLabels: labels } },
        template: { metadata: { labels }, spec: pod().spec },
      },
    };
    const headers = { 'content-type': 'application/json' };
    const path = '/apis/apps/v1/namespaces/closed/deployments';
    answer = { allowed: true, warnings: ['its pods will be refused'] };
    const created = await ask(path, { method: 'POST', headers, body });
    expect([created.status, created.headers.warning]).toEqual([201, '299 - "its pods will be refused"']);
    expect((await change(`${path}/web`, { spec: { minReadySeconds: 1 } })).status).toBe(200);
    // A controller may have made a ReplicaSet of it.
    const own = asked
      .map(({ request }) => request)
      .filter(({ kind }) => (kind as { kind: string }).kind === 'Deployment');
    expect(own).toMatchObject([{ operation: 'CREATE', object: { kind: 'Deployment' } }]);
  });

  test('a namespace asks with a path for namespaces, if its break-glass changes', async () => {
    const path = '/api/v1/namespaces/closed';
    expect((await change(path, { metadata: { labels: { a: 'b' } } })).status).toBe(200);
    expect(asked).toEqual([]);
    answer = { allowed: false };
    const annotations = { 'patchwave.dev/break-glass': '{}' };
    expect((await change(path, { metadata: { annotations } })).status).toBe(400);
    const { account, cluster } = world().place;
    expect(asked.map(({ path: to }) => to)).toEqual([
      `/${KEY.sign('namespaces', world().place)}/${account}/${cluster}?timeout=5s`,
    ]);
  });

  describe('a webhook that cannot be reached', () => {
    beforeAll(hangUp);
    afterAll(listen);

    test('refuses where its failure policy is Fail', async () => {
      const object = pod();
      const { status, json } = await start('closed', object);
      expect([status, json.reason]).toEqual([500, 'InternalError']);
      expect(json.message).toContain('failed calling webhook "pods-deny.patchwave.dev": failed to call webhook: Post');
      expect(await isThere('closed', object)).toBe(false);
    });

    test('refuses nothing where it is Ignore', async () => {
      expect((await start('watched')).status).toBe(201);
    });
  });

  test(
    'a webhook of another certificate authority cannot be reached',
    async () => {
      const { admin } = world();
      const resource = RESOURCES.validatingWebhookConfigurations;
      const { webhooks } = configuration(newAuthority('webhook').certificate);
      await admin.patch(resource, configuration(), { webhooks });
      await follows(async () => (await start('closed')).status === 500);
      await admin.patch(resource, configuration(), { webhooks: configuration().webhooks });
      await follows(async () => (await start('closed')).status === 201);
    },
    LIMIT_MS,
  );

  test.each([
    ['an address without TLS', { clientConfig: { url: 'http://127.0.0.1:1/a' } }],
    ['an address with a query', { clientConfig: { url: 'https://127.0.0.1:1/a?b=c' } }],
    ['a condition that is no expression', { matchConditions: [{ name: 'a', expression: 'object.' }] }],
  ])('a configuration with %s is refused', async (_, changes) => {
    const { webhooks, ...others } = configuration();
    const [first] = webhooks as readonly object[];
    const object = { ...others, metadata: { name: 'wrong' }, webhooks: [{ ...first, ...changes }] };
    const created = world().admin.create(RESOURCES.validatingWebhookConfigurations, object as KubernetesObject);
    await expect(created).rejects.toMatchObject({ status: 422 });
  });
}
