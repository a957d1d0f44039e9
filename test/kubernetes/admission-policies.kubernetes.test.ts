import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { buildFiles } from '../../enforcement/build/build-files.ts';
import { makeEksCluster } from '../../local/kubernetes/eks.ts';
import { MOST_NAMESPACES } from '../../shared/domain/admission/allowed-images.ts';
import { checkPolicy } from '../../shared/domain/policy/policy-check.ts';
import { useCloud } from '../support/cloud.ts';
import { documentedAwsManaged, NODE_PODS, OTHER_PODS, podOf } from '../support/eks-new-node.ts';
import { type KubeApiserver, startKubeApiserver } from '../support/kube-apiserver.ts';
import { type ApiObject, KubernetesClient, type PersonAnswer } from '../support/kubernetes-client.ts';
import { programs } from '../support/kubernetes-programs.ts';

/* The manifests of `enforcement:build`, as they are shipped, on the real API server. */

const ECR = '111122223333.dkr.ecr.eu-west-1.amazonaws.com';
const policy = checkPolicy({
  version: 1,
  ages: { default: { limitDays: 30 } },
  streams: [],
  severities: [{ id: 'critical', severities: ['critical'], graceDays: 0 }],
  approvedRegistries: {
    // As many as a large organization has: each costs a part of what the server allows.
    allow: [
      '*.dkr.ecr.*.amazonaws.com/team/*',
      ...Array.from({ length: 100 }, (_, at) => `*.registry-${at}.example/*`),
    ],
  },
  awsManaged: documentedAwsManaged(),
  doors: {
    mode: 'warn',
    rules: [
      { namespaces: ['kube-*'], mode: 'off' },
      { namespaces: ['shop'], mode: 'deny' },
    ],
  },
});
const files = buildFiles(policy, { clusters: [], shardCount: 16 });
const manifests = (name: string): readonly ApiObject[] =>
  parseAllDocuments(files.get(`kubernetes/${name}.yaml`) ?? '').map((document) => document.toJS() as ApiObject);

/** Of the first list; and how many fit in one. */
const digest = (at: number): string => `0${at.toString(16).padStart(63, '0')}`;
const MOST = 20_000;
const image = (at: number): string => `${ECR}/team/web@sha256:${digest(at)}`;
const GOOD = image(1);
/** Of a registry that the policy names after 99 others. */
const OF_THE_LAST = Array.from({ length: 30 }, (_, at) => `a.registry-99.example/web@sha256:${digest(at)}`);
const NEW = `${ECR}/team/web@sha256:${'f'.repeat(64)}`;
const FOREIGN = 'evil.example/x:1';

const cloud = useCloud();
let server: KubeApiserver;
let client: KubernetesClient;
let node: KubernetesClient;

const pod = (name: string, images: readonly string[], more: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, ...more },
  spec: { containers: images.map((one, at) => ({ name: `c${at}`, image: one })) },
});
const create = (namespace: string, object: object, query = '') =>
  client.send('POST', `/api/v1/namespaces/${namespace}/pods${query}`, object);
/** Decides, and writes nothing. */
const tried = (namespace: string, ...images: readonly string[]) =>
  create(namespace, pod('tried', images), '?dryRun=All');

async function publish(list: string, digests: readonly string[], notAfter: string, running: object = {}) {
  const { metadata, ...rest } = manifests('first-allowed-images').find(
    (one) => one.metadata.name === list,
  ) as ApiObject;
  const spec = { notAfter, digests: Object.fromEntries(digests.map((one) => [one, ''])), running };
  expect(await client.apply({ ...rest, metadata, spec })).toMatchObject({ status: 200 });
}

/** A change of a policy or a list takes effect after some time. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 30_000; !(await isSo()); await sleep(100))
    if (Date.now() > end) throw new Error('the change has had no effect after 30 s');
}

const FUTURE = '2100-01-01T00:00:00Z';
const PAST = '2020-01-01T00:00:00Z';

beforeAll(async () => {
  const place = { account: '444455556666', region: 'eu-west-1', cluster: 'doors' };
  await makeEksCluster(cloud(), place);
  server = await startKubeApiserver(await programs(), cloud(), place);
  client = new KubernetesClient(server);
  node = new KubernetesClient(server, { name: 'system:node:a', groups: ['system:nodes', 'system:masters'] });
  for (const name of ['shop', 'other']) await server.admin.ensureNamespace(name);
  expect(await create('shop', pod('before', [FOREIGN]))).toMatchObject({ status: 201 });
  for (const object of manifests('allowed-images-definition'))
    expect(await client.apply(object)).toMatchObject({ status: 201 });
  await until(async () => (await client.send('GET', '/apis/patchwave.dev/v1/allowedimages')).status === 200);
  for (const object of manifests('first-allowed-images'))
    expect(await client.apply(object)).toMatchObject({ status: 201, warnings: [] });
  for (const object of manifests('admission-policies')) {
    const { status, body, warnings } = await client.apply(object);
    expect({ status, message: body.message, warnings }).toEqual({ status: 201, warnings: [] });
  }
  await until(async () => (await tried('shop', FOREIGN)).status >= 400);
}, 120_000);
afterAll(async () => {
  client?.close();
  node?.close();
  await server?.stop();
});

/** What the server answers: `allow`, `warn` or `deny`, with the rule of each message. */
async function answered(answer: Promise<PersonAnswer>): Promise<string> {
  const { status, body, warnings } = await answer;
  const ruleOf = (text = ''): string => /\(([a-z0-9-]+)\)[^()]*$/.exec(text)?.[1] ?? text;
  if (status >= 400) return `deny ${ruleOf(body.message)}`;
  return warnings.length === 0 ? 'allow' : ['warn', ...warnings.map(ruleOf)].join(' ');
}

/** The door of this namespace denies. */
const inShop = (one: Parameters<typeof podOf>[0]): object => podOf({ ...one, namespace: 'shop' });

const ALL = Array.from({ length: MOST }, (_, at) => digest(at));

describe('with lists that are published', () => {
  beforeAll(async () => {
    await publish('digests-0', ALL, FUTURE);
    await publish('digests-f', [], FUTURE);
    await until(async () => (await answered(tried('shop', GOOD))) === 'allow');
    await until(async () => (await answered(tried('shop', NEW))) === 'deny digest-allowed');
    // Each policy begins at a moment of its own.
    await until(async () => (await answered(tried('other', NEW))) === 'warn digest-allowed');
  });

  test.each([
    ['shop', 'a listed image', [GOOD], 'allow'],
    ['shop', 'a listed image with a tag that lies', [GOOD.replace('@', ':1@')], 'allow'],
    ['shop', 'an unlisted image', [NEW], 'deny digest-allowed'],
    ['shop', 'an image of another registry', [FOREIGN], 'deny approved-registries'],
    ['shop', 'a short name', ['nginx'], 'deny approved-registries'],
    ['shop', 'a tag alone', [`${ECR}/team/web:1`], 'deny digest-required'],
    ['shop', 'an upper-case host', [GOOD.replace(ECR, ECR.toUpperCase())], 'allow'],
    ['shop', 'a dual-stack host', [GOOD.replace(ECR, '111122223333.dkr-ecr.eu-west-1.on.aws')], 'allow'],
    ['shop', 'a host with a port', [GOOD.replace(ECR, `${ECR}:443`)], 'deny approved-registries'],
    ['shop', 'text that could change a terminal', ['\u001b[2Jx'], 'deny reference-readable'],
    ['shop', '30 listed images', Array.from({ length: 30 }, (_, at) => image(at)), 'allow'],
    ['shop', '30 images of the last of 100 registries', OF_THE_LAST, 'allow'],
    ['shop', '29 listed images and one that is not', [...OF_THE_LAST.slice(1), NEW], 'deny digest-allowed'],
    ['other', 'a listed image', [GOOD], 'allow'],
    ['other', 'an unlisted image', [NEW], 'warn digest-allowed'],
    ['other', 'an image of another registry', [FOREIGN], 'warn approved-registries'],
    ['kube-system', 'an image of another registry', [FOREIGN], 'allow'],
    ['kube-public', 'an image of another registry', [FOREIGN], 'allow'],
  ])('in %s, %s', async (namespace, _, images, expected) => {
    expect(await answered(tried(namespace, ...images))).toBe(expected);
  });

  test.each(NODE_PODS)('$title starts', async ({ pod: one }) => {
    expect(await answered(create('shop', inShop(one), '?dryRun=All'))).toBe('allow');
  });

  test.each(OTHER_PODS)('$title is refused, because its image is not of AWS', async ({ pod: one }) => {
    expect(await answered(create('shop', inShop(one), '?dryRun=All'))).toBe('deny approved-registries');
  });

  test('an init container and an image volume count', async () => {
    const spec = { containers: [{ name: 'a', image: GOOD }] };
    const init = { ...pod('tried', []), spec: { ...spec, initContainers: [{ name: 'i', image: NEW }] } };
    const volume = { ...pod('tried', []), spec: { ...spec, volumes: [{ name: 'v', image: { reference: FOREIGN } }] } };
    expect(await answered(create('shop', init, '?dryRun=All'))).toBe('deny digest-allowed');
    expect(await answered(create('shop', volume, '?dryRun=All'))).toBe('deny approved-registries');
  });

  test('an ephemeral container counts', async () => {
    expect(await answered(create('shop', pod('debugged', [GOOD])))).toBe('allow');
    const debug = (one: string) =>
      client.send(
        'PATCH',
        '/api/v1/namespaces/shop/pods/debugged/ephemeralcontainers',
        { spec: { ephemeralContainers: [{ name: 'debug', image: one }] } },
        'application/strategic-merge-patch+json',
      );
    expect(await answered(debug(NEW))).toBe('deny digest-allowed');
    expect(await answered(debug(image(2)))).toBe('allow');
  });

  test('an update that keeps an image passes, and one that changes it does not', async () => {
    const update = (change: object) =>
      client.send('PATCH', '/api/v1/namespaces/shop/pods/before', change, 'application/strategic-merge-patch+json');
    expect(await answered(update({ metadata: { labels: { team: 'web' } } }))).toBe('allow');
    expect(await answered(update({ spec: { containers: [{ name: 'c0', image: NEW }] } }))).toBe('deny digest-allowed');
    expect(await answered(update({ spec: { containers: [{ name: 'c0', image: GOOD }] } }))).toBe('allow');
  });

  test('the mirror of a static pod warns if a node sends it, and is refused for anybody else', async () => {
    const mirror = pod('static-a', [NEW], { annotations: { 'kubernetes.io/config.mirror': 'x' } });
    const object = { ...mirror, spec: { nodeName: 'a', containers: [{ name: 'a', image: NEW }] } };
    expect(await answered(create('shop', object, '?dryRun=All'))).toBe('deny digest-allowed');
    expect(await answered(node.send('POST', '/api/v1/namespaces/shop/pods?dryRun=All', object))).toBe(
      'warn digest-allowed',
    );
  });

  test('a Deployment is created with a warning, also where its pods will be refused', async () => {
    const labels = { app: 'web' };
    const template = { metadata: { labels }, spec: { containers: [{ name: 'a', image: FOREIGN }] } };
    const object = {
      ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' } },
      spec: { selector: { matchLabels: labels }, template },
    };
    const path = '/apis/apps/v1/namespaces/shop/deployments?dryRun=All';
    expect(await answered(client.send('POST', path, object))).toBe('warn approved-registries');
  });
});

describe('images that run already', () => {
  afterAll(async () => {
    await publish('digests-0', ALL, FUTURE);
    await until(async () => (await answered(tried('other', GOOD))) === 'allow');
  });
  /** The first images run in these namespaces, of which `shop` is the last to be found. */
  const runsIn = (images: number, namespaces: number) => {
    const others = Array.from({ length: namespaces - 1 }, (_, at) => `team-${at}`);
    const entry = { namespaces: [...others, 'shop'], until: FUTURE, rule: 'age-limit' };
    return Object.fromEntries(Array.from({ length: images }, (_, at) => [digest(at), entry]));
  };

  // Whole objects of etcd: 1.5 MiB.
  test.each([
    [30, 3_000],
    [10, MOST_NAMESPACES],
  ])('a pod of %i of them starts with a warning, where each runs in %i namespaces', async (images, namespaces) => {
    await publish('digests-0', [], FUTURE, runsIn(images, namespaces));
    const pods = Array.from({ length: images }, (_, at) => image(at));
    await until(async () => (await answered(tried('shop', image(images)))) === 'deny digest-allowed');
    await until(async () => (await answered(tried('shop', ...pods))) === 'warn age-limit');
    expect(await answered(tried('other', ...pods))).toBe('warn digest-allowed');
  });
});

test('a list past its end warns and refuses nothing; references are still judged', async () => {
  await publish('digests-f', [], PAST);
  await until(async () => (await tried('shop', NEW)).status === 201);
  expect(await answered(tried('shop', NEW))).toBe('warn digest-allowed list-current');
  expect(await answered(tried('shop', FOREIGN))).toBe('deny approved-registries');
});

test('a list that somebody deleted refuses pods where the door denies, and nowhere else', async () => {
  expect((await client.send('DELETE', '/apis/patchwave.dev/v1/allowedimages/digests-f')).status).toBe(200);
  await until(async () => (await tried('shop', NEW)).status >= 400);
  expect((await tried('shop', NEW)).body.message).toMatch(/no params found/);
  expect(await answered(tried('other', GOOD))).toBe('allow');
  expect(await answered(tried('kube-system', GOOD))).toBe('allow');
});
