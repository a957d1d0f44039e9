import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, jest } from '@jest/globals';
import { parse as parseYaml } from 'yaml';
import { buildFiles } from '../../enforcement/build/build-files.ts';
import { makeEksCluster } from '../../local/kubernetes/eks.ts';
import { checkPolicy } from '../../shared/domain/policy/policy-check.ts';
import { metrics } from '../../shared/lambda/metrics.ts';
import { logger } from '../../shared/lambda/powertools.ts';
import { podOf, templateOf } from '../support/admission-reviews.ts';
import { useCloud } from '../support/cloud.ts';
import { fakeWorld } from '../support/fakes/world.ts';
import { type KubeApiserver, startKubeApiserver } from '../support/kube-apiserver.ts';
import { type ApiObject, KubernetesClient } from '../support/kubernetes-client.ts';
import { programs } from '../support/kubernetes-programs.ts';
import { alone, digestOf, HOUR_MS, imageProperties, judgement, verdict } from '../support/samples.ts';
import { WebhookServer } from '../support/webhook-server.ts';

/* What a person sees at the real API server: answers, break-glass, and each kind of outage. */

const PLACE = { account: '444455556666', region: 'eu-west-1', cluster: 'doors' };
const SECRET = 'a-secret-of-the-test';
const HOST = '111122223333.dkr.ecr.eu-west-1.amazonaws.com';
const [GOOD, BAD] = ['compliant', 'violating'].map((name) => `${HOST}/team/${name}@${digestOf(name)}`) as [
  string,
  string,
];
const policy = checkPolicy({
  ...{ version: 1, ages: { default: { limitDays: 30 } }, streams: [], severities: [] },
  doors: {
    mode: 'warn',
    rules: [{ namespaces: ['shop', 'temp'], mode: 'deny' }],
    breakGlass: { groups: ['on-call'] },
  },
});

const cloud = useCloud();
const world = fakeWorld();
let server: KubeApiserver;
const webhook = new WebhookServer(PLACE.region, SECRET);
let client: KubernetesClient;
let onCall: KubernetesClient;

async function configure(caBundle = webhook.caBundle): Promise<void> {
  const webhookUrl = `${webhook.url}/${SECRET}`;
  const files = buildFiles(policy, { clusters: [PLACE], shardCount: 16, webhookUrl });
  const { account, region, cluster } = PLACE;
  const configuration = parseYaml(
    files.get(`kubernetes/${account}/${region}/${cluster}/webhook.yaml`) ?? '',
  ) as ApiObject & { readonly webhooks: readonly { readonly clientConfig: object }[] };
  // An HTTP API has a certificate that every API server trusts.
  const webhooks = configuration.webhooks.map((hook) => ({
    ...hook,
    clientConfig: { ...hook.clientConfig, caBundle },
  }));
  const { status, body } = await client.apply({ ...configuration, webhooks } as ApiObject);
  expect([status < 300, body.message]).toEqual([true, undefined]);
}

const create = (namespace: string, object: object, by = client) =>
  by.send('POST', `/api/v1/namespaces/${namespace}/pods?dryRun=All`, object);
const pod = (...images: readonly string[]) => ({ ...podOf(...images), metadata: { name: 'tried' } });
const statusIn = async (namespace: string, ...images: readonly string[]) =>
  (await create(namespace, pod(...images))).status;

/** A change of a configuration takes effect after some time. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 30_000; !(await isSo()); await sleep(100))
    if (Date.now() > end) throw new Error('the change has had no effect after 30 s');
}

beforeAll(async () => {
  for (const level of ['info', 'warn', 'error'] as const) jest.spyOn(logger, level).mockReturnValue();
  jest.spyOn(metrics, 'publishStoredMetrics').mockReturnThis();
  await world.policies.publish(policy, {});
  for (const status of ['compliant', 'violating'] as const) {
    const properties = imageProperties(status);
    await world.images.recordProperties(properties);
    await world.images.recordLineage(properties.digest, alone(properties));
    const scan = { state: 'complete', completedAtEpochMs: world.clock(), coverage: ['os'] } as const;
    const reasons = verdict(status).reasons.map((one) => ({ ...one, deadlineEpochMs: world.clock() }));
    await world.images.recordJudgement(
      judgement(status, world.clock(), { scan, verdict: { ...verdict(status), reasons } }),
    );
  }
  webhook.ports = world;
  await webhook.start();
  await makeEksCluster(cloud(), PLACE);
  server = await startKubeApiserver(await programs(), cloud(), PLACE);
  client = new KubernetesClient(server);
  onCall = new KubernetesClient(server, { name: 'grace', groups: ['on-call', 'system:masters'] });
  for (const name of ['shop', 'other', 'temp']) await server.admin.ensureNamespace(name);
  expect(
    await client.send('POST', '/api/v1/namespaces/shop/pods', { ...pod(BAD), metadata: { name: 'before' } }),
  ).toMatchObject({ status: 201 });
  await configure();
  await until(async () => (await statusIn('shop', BAD)) >= 400);
}, 120_000);
afterAll(async () => {
  client?.close();
  onCall?.close();
  await webhook.stop();
  await server?.stop();
});

test('a pod with a refused image is refused, with the field, the image and the next step', async () => {
  const { status, body } = await create('shop', pod(GOOD, BAD));
  expect([status, body.reason]).toEqual([403, 'Forbidden']);
  expect(body.message).toContain('admission webhook "pods-deny.patchwave.dev" denied the request');
  expect(body.message).toContain(`spec.containers[1].image (${BAD}): `);
  expect(body.message).toContain('Deploy a newer image');
  expect(await statusIn('shop', GOOD)).toBe(201);
});

test('where the door only warns, the person sees a warning for each image', async () => {
  const { status, warnings } = await create(
    'other',
    pod(...Array.from({ length: 12 }, (_, n) => `${BAD.slice(0, -2)}${n + 10}`)),
  );
  expect(status).toBe(201);
  expect(warnings).toHaveLength(8);
  expect(warnings.every((one) => [...one].length < 256)).toBe(true);
  expect(warnings.at(-1)).toBe('5 more images of this object have a warning.');
});

test('hostile text of an image reaches the person as visible text', async () => {
  const { status, body } = await create('shop', pod('evil\u001b[2J\u202e'));
  expect(status).toBe(403);
  expect(body.message).toContain('\\u001b');
});

test('a debug container is judged', async () => {
  const debug = (image: string) =>
    client.send(
      'PATCH',
      '/api/v1/namespaces/shop/pods/before/ephemeralcontainers?dryRun=All',
      { spec: { ephemeralContainers: [{ name: 'debug', image }] } },
      'application/strategic-merge-patch+json',
    );
  expect(await debug('busybox')).toMatchObject({ status: 403 });
  expect(await debug(GOOD)).toMatchObject({ status: 200 });
});

test('a label of an old pod changes, and its image does not change to a refused one', async () => {
  const update = (change: object) =>
    client.send('PATCH', '/api/v1/namespaces/shop/pods/before', change, 'application/strategic-merge-patch+json');
  expect(await update({ metadata: { labels: { team: 'web' } } })).toMatchObject({ status: 200 });
  expect(await update({ spec: { containers: [{ name: 'c0', image: 'nginx' }] } })).toMatchObject({ status: 403 });
});

test('a Deployment is created with the warning that its pods will be refused', async () => {
  const { object } = templateOf('Deployment', 'apps', BAD);
  const labels = { app: 'web' };
  const { template } = (object as unknown as { readonly spec: { readonly template: object } }).spec;
  const deployment = {
    ...{ ...object, apiVersion: 'apps/v1' },
    spec: { selector: { matchLabels: labels }, template: { ...template, metadata: { labels } } },
  };
  const answer = await client.send('POST', '/apis/apps/v1/namespaces/shop/deployments?dryRun=All', deployment);
  expect(answer).toMatchObject({
    status: 201,
    warnings: [expect.stringContaining('pods of this Deployment will be refused')],
  });
});

describe('a namespace', () => {
  const annotate = (by: KubernetesClient, name: string, hours: number | null, query = '') => {
    const expires = new Date(world.clock() + (hours ?? 0) * HOUR_MS).toISOString();
    const value = hours === null ? null : JSON.stringify({ author: 'Grace', reason: 'incident 7', expires });
    return by.send(
      'PATCH',
      `/api/v1/namespaces/${name}${query}`,
      { metadata: { annotations: { 'patchwave.dev/break-glass': value } } },
      'application/merge-patch+json',
    );
  };

  test('is opened by a person of the group only, and closed by anybody', async () => {
    expect(await annotate(client, 'shop', 1)).toMatchObject({ status: 403 });
    expect(await annotate(onCall, 'shop', 25)).toMatchObject({ status: 403 });
    expect(await annotate(onCall, 'shop', 1, '?dryRun=All')).toMatchObject({ status: 200 });
    expect(await statusIn('shop', BAD)).toBe(403);
    expect(await annotate(onCall, 'shop', 1)).toMatchObject({
      status: 200,
      warnings: [expect.stringContaining('until')],
    });
    const { status, warnings } = await create('shop', pod(BAD));
    expect([status, warnings]).toEqual([201, [expect.stringContaining('Break-glass by Grace')]]);
    expect(await statusIn('temp', BAD)).toBe(403);
    expect(await annotate(client, 'shop', null)).toMatchObject({ status: 200 });
    expect(await statusIn('shop', BAD)).toBe(403);
  });

  test('takes its break-glass along when it is deleted', async () => {
    expect(await annotate(onCall, 'temp', 1)).toMatchObject({ status: 200 });
    const place = { ...PLACE, namespace: 'temp' };
    expect(await world.exceptions.breakGlassOf(place)).toMatchObject({ author: 'Grace' });
    expect(await client.send('DELETE', '/api/v1/namespaces/temp')).toMatchObject({ status: 200 });
    expect(await world.exceptions.breakGlassOf(place)).toBeUndefined();
  });
});

describe('pods are refused where the door denies, and start where it warns, if', () => {
  const DENIED_AND_WARNED = { shop: 500, other: 201 };
  const statuses = async () => ({ shop: await statusIn('shop', GOOD), other: await statusIn('other', GOOD) });

  test('the ledger is throttled and the function knows no policy', async () => {
    const policies = { current: () => Promise.reject(new Error('throttled')) };
    webhook.ports = { ...world, policies };
    expect(await statuses()).toEqual(DENIED_AND_WARNED);
    webhook.ports = { ...world, policies, lastPolicy: () => policy };
    expect(await statuses()).toEqual({ shop: 403, other: 201 });
    const { body } = await create('shop', pod(GOOD));
    expect(body.message).toContain('door-undecided');
    webhook.ports = world;
    expect(await statuses()).toEqual({ shop: 201, other: 201 });
  });

  test('the secret is another one', async () => {
    webhook.secret = 'another';
    expect(await statuses()).toEqual(DENIED_AND_WARNED);
    webhook.secret = SECRET;
    expect(await statuses()).toEqual({ shop: 201, other: 201 });
  });

  test('the webhook is slow', async () => {
    webhook.delayMs = 7_000;
    const startedAtMs = performance.now();
    expect(await statuses()).toEqual(DENIED_AND_WARNED);
    expect(performance.now() - startedAtMs).toBeLessThan(14_000);
    webhook.delayMs = 0;
  }, 30_000);

  test('it has a certificate of another authority', async () => {
    await configure(Buffer.from(server.certificateAuthority).toString('base64'));
    await until(async () => (await statusIn('shop', GOOD)) === 500);
    expect(await statuses()).toEqual(DENIED_AND_WARNED);
    const { body } = await create('shop', pod(GOOD));
    expect(body.message).toContain('x509');
    await configure();
    await until(async () => (await statusIn('shop', GOOD)) === 201);
  }, 60_000);

  test('it is down', async () => {
    await webhook.stop();
    expect(await statuses()).toEqual(DENIED_AND_WARNED);
    // A label of a pod that runs asks nobody.
    const path = '/api/v1/namespaces/shop/pods/before';
    const labelled = await client.send(
      'PATCH',
      path,
      { metadata: { labels: { a: 'b' } } },
      'application/merge-patch+json',
    );
    expect(labelled).toMatchObject({ status: 200 });
  });
});
