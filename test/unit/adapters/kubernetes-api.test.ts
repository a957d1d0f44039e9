import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach } from '@jest/globals';
import { KUBERNETES_LIMITS, KubernetesApi, type KubernetesEndpoint } from '../../../shared/adapters/kubernetes-api.ts';
import { newAuthority } from '../../support/certificates.ts';
import { answer, KubernetesServer, status } from '../../support/kubernetes-server.ts';

const PODS = { resource: 'pods', path: '/api/v1/pods' };
const cluster = { account: '444455556666', region: 'eu-west-1', cluster: 'prod' };

let server: KubernetesServer;
const waits: number[] = [];
beforeEach(async () => {
  server = await new KubernetesServer().start();
  waits.length = 0;
});
afterEach(() => server.stop());

/** Generous where time is not the subject: on a busy machine a handshake can take a second. */
const limits = {
  ...KUBERNETES_LIMITS,
  ...{ connectMs: 20_000, silenceMs: 20_000, mostRetryAfterMs: 20, mostAnswerBytes: 60_000 },
  retry: { attempts: 4, wait: async (attempt: number) => void waits.push(attempt) },
};
const named = (n: number) => ({ metadata: { name: `pod-${n}` } });
const pods = (count: number) => Array.from({ length: count }, (_, n) => named(n));
const apiOf = (changes: Partial<KubernetesEndpoint> = {}, of = limits) =>
  new KubernetesApi(
    {
      ...{ cluster, url: server.url, certificateAuthority: server.certificateAuthority, isPrivate: false },
      ...{ token: async () => 'good', ...changes },
    },
    of,
  );

async function read(api = apiOf(), collection: Parameters<KubernetesApi['list']>[0] = PODS) {
  const items: ReturnType<typeof named>[] = [];
  const pages: number[] = [];
  try {
    const list = api.list<ReturnType<typeof named>>(collection);
    for (;;) {
      const next = await list.next();
      if (next.done) return { items, pages, ...next.value };
      pages.push(next.value.length);
      items.push(...next.value);
    }
  } finally {
    api.close();
  }
}

test('a list is read by pages of 500 with gzip, and never with resourceVersion', async () => {
  server.collections.set(PODS.path, pods(1201));
  const { items, pages, isTorn } = await read();
  expect(pages).toEqual([500, 500, 201]);
  expect(items).toEqual(pods(1201));
  expect(isTorn).toBe(false);
  expect(server.asked.map(({ query }) => query.toString())).toEqual([
    'limit=500',
    'limit=500&continue=500',
    'limit=500&continue=1000',
  ]);
  expect(server.asked.every(({ headers }) => headers['accept-encoding'] === 'gzip')).toBe(true);
});

test('the next page is requested only when the caller reads on', async () => {
  server.collections.set(PODS.path, pods(1001));
  const api = apiOf();
  const list = api.list(PODS);
  await list.next();
  expect(server.asked).toHaveLength(1);
  await list.next();
  expect(server.asked).toHaveLength(2);
  api.close();
});

test('an empty list of metadata, which kube-apiserver writes as null, has no items', async () => {
  server.once(
    () => true,
    (response) => answer(response, 200, '{"kind":"PartialObjectMetadataList","metadata":{},"items":null}'),
  );
  expect((await read()).items).toEqual([]);
});

test('a short or empty page with a token is not the end', async () => {
  server.collections.set(PODS.path, pods(3));
  server.once(
    ({ query }) => !query.has('continue'),
    (response) =>
      answer(response, 200, JSON.stringify({ metadata: { continue: '1', remainingItemCount: 9 }, items: [] })),
  );
  expect((await read()).pages).toEqual([0, 2]);
});

test('each request has a token of its own', async () => {
  server.collections.set(PODS.path, pods(501));
  let tokens = 0;
  await read(apiOf({ token: async () => `token-${++tokens}` }));
  expect(server.asked.map(({ headers }) => headers.authorization)).toEqual(['Bearer token-1', 'Bearer token-2']);
});

test('metadata alone is requested, with a fallback to the whole objects', async () => {
  server.collections.set('/api/v1/nodes', [named(1)]);
  await read(apiOf(), { resource: 'nodes', path: '/api/v1/nodes', metadataOnly: true });
  expect(server.asked[0]?.headers.accept).toBe(
    'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json',
  );
});

test('a list whose snapshot expired goes on with the token of the answer, and says so', async () => {
  server.collections.set(PODS.path, pods(1200));
  server.once(
    ({ query }) => query.get('continue') === '500',
    (response) => answer(response, 410, status(410, 'Expired', 'The provided continue parameter is too old', '600')),
  );
  const { items, isTorn } = await read();
  expect(items).toEqual([...pods(500), ...pods(1200).slice(600)]);
  expect(isTorn).toBe(true);
});

test('a snapshot may expire before each page, as long as a page comes in between', async () => {
  server.collections.set(PODS.path, pods(3001));
  for (const token of ['500', '1000', '1500', '2000', '2500', '3000'])
    server.once(
      ({ query }) => query.get('continue') === token,
      (response) => answer(response, 410, status(410, 'Expired', 'too old', token)),
    );
  const { items, isTorn } = await read();
  expect(items).toEqual(pods(3001));
  expect(isTorn).toBe(true);
});

test.each([
  ['without a token', 1, undefined],
  ['again and again', 9, '500'],
])('a list that expires %s fails, and never ends as complete', async (_, times, token) => {
  server.collections.set(PODS.path, pods(600));
  for (let n = 0; n < times; n += 1)
    server.once(
      ({ query }) => query.has('continue'),
      (response) => answer(response, 410, status(410, 'Expired', 'too old', token)),
    );
  await expect(read()).rejects.toMatchObject({ name: 'ClusterFailingError', message: expect.stringContaining('410') });
});

test('a server that repeats a page is failing: its list would never end', async () => {
  let page = 0;
  server.misbehaviours.push((_, response) => {
    page += 1;
    const metadata = { continue: `token-${page % 3}` };
    answer(response, 200, JSON.stringify({ metadata, items: page % 2 ? [] : [named(page)] }));
    return true;
  });
  await expect(read()).rejects.toMatchObject({
    name: 'ClusterFailingError',
    message: expect.stringContaining('its list of pods repeats a page'),
  });
});

const ANNOTATED = { metadata: { name: 'annotated', annotations: { note: 'x'.repeat(200) } } };

test('pages that are too large are asked for again in smaller ones, and nothing is lost', async () => {
  const large = Array.from({ length: 700 }, (_, n) => (n < 600 ? ANNOTATED : named(n)));
  server.collections.set(PODS.path, large);
  const { items } = await read();
  expect(items).toEqual(large);
  expect(server.asked.map(({ query }) => query.get('limit'))).toEqual(['500', ...Array(6).fill('125')]);
});

test('one object that is too large is a failure, and its answer is not read to its end', async () => {
  const bomb = gzipSync(Buffer.alloc(20 * 1024 ** 2));
  server.misbehaviours.push((_, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' }).end(bomb);
    return true;
  });
  await expect(read()).rejects.toMatchObject({
    name: 'ClusterObjectTooLargeError',
    message: expect.stringContaining(
      'an object of its list of pods is too large to be read. Make that object smaller, or waive `scope-readable` for the cluster.',
    ),
  });
  expect(server.asked.map(({ query }) => query.get('limit'))).toEqual(['500', '125', '32', '8', '2', '1']);
});

let emptyPages = 0;
function emptyPage(response: ServerResponse): void {
  emptyPages += 1;
  answer(response, 200, JSON.stringify({ metadata: { continue: `page-${emptyPages}` }, items: [] }));
}

test.each<[string, (response: ServerResponse) => void]>([
  ['says nothing', () => {}],
  [
    'is always busy',
    (response) => answer(response, 429, 'busy', { 'retry-after': '3600', 'content-type': 'text/plain' }),
  ],
  [
    'sends one byte at a time',
    (response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const timer = setInterval(() => response.write(' '), 20);
      response.on('close', () => clearInterval(timer));
    },
  ],
  ['sends empty pages for ever', emptyPage],
])('a server that %s is given up when the time is over', async (_, misbehaviour) => {
  const late = { ...limits, silenceMs: 3_600_000, mostRetryAfterMs: 3_600_000 };
  server.misbehaviours.push((__, response) => {
    misbehaviour(response);
    return true;
  });
  await expect(read(apiOf({ signal: AbortSignal.timeout(300) }, late))).rejects.toMatchObject({
    name: 'ClusterUnfinishedError',
    cluster,
  });
});

test('a server that is too busy answers with plain text, and is asked again after its Retry-After', async () => {
  server.collections.set(PODS.path, pods(1));
  // More than the most that a client waits.
  const busy = { 'content-type': 'text/plain; charset=utf-8', 'retry-after': '3600' };
  for (let n = 0; n < 2; n += 1)
    server.once(
      () => true,
      (response) => answer(response, 429, 'Too many requests, please try again later.', busy),
    );
  const beganAt = performance.now();
  expect((await read()).items).toHaveLength(1);
  expect(waits).toEqual([1, 2]);
  expect(performance.now() - beganAt).toBeGreaterThanOrEqual(2 * 20 - 2);
});

test('a server that stays too busy is failing, with what it says', async () => {
  server.misbehaviours.push((_, response) => {
    answer(response, 429, 'Too many requests, please try again later.', { 'content-type': 'text/plain' });
    return true;
  });
  await expect(read()).rejects.toMatchObject({
    name: 'ClusterFailingError',
    message: expect.stringContaining('status 429: Too many requests, please try again later.'),
  });
  expect(waits).toEqual([1, 2, 3]);
});

test.each<[string, (response: Parameters<typeof answer>[0]) => void]>([
  ['a server error', (response) => answer(response, 500, status(500, 'InternalError', 'etcdserver: leader changed'))],
  ['a bad gateway', (response) => answer(response, 502, 'Bad Gateway', { 'content-type': 'text/plain' })],
  ['an overloaded server', (response) => answer(response, 503, status(503, 'ServiceUnavailable', 'starting'))],
  ['a slow server', (response) => answer(response, 504, status(504, 'Timeout', 'request did not complete'))],
  ['a connection that is cut before the answer', (response) => response.destroy()],
  [
    'a connection that is cut inside the answer',
    (response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
      response.write('{"items":[', () => response.destroy());
    },
  ],
  [
    'a gzip stream that ends too early',
    (response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
      response.end(Buffer.from('1f8b0800', 'hex'));
    },
  ],
  ['silence', () => {}],
])('%s is tried again', async (_, misbehaviour) => {
  server.collections.set(PODS.path, pods(2));
  server.once(() => true, misbehaviour);
  expect((await read(apiOf({}, { ...limits, silenceMs: 1_500 }))).items).toHaveLength(2);
  expect(waits).toEqual([1]);
});

test('a server that cuts every connection is failing, with the reason', async () => {
  server.misbehaviours.push((_, response) => {
    response.destroy();
    return true;
  });
  await expect(read()).rejects.toMatchObject({
    name: 'ClusterFailingError',
    message: expect.stringContaining('the connection to its API server failed: socket hang up. The next review'),
  });
});

test.each<[string, number, string, string]>([
  ['no JSON', 200, 'text/html', '<html>Sign in</html>'],
  ['JSON without a list', 200, 'application/json', '{"kind":"Status"}'],
  ['broken JSON', 200, 'application/json', '{"items":['],
  ['null', 200, 'application/json', 'null'],
  ['a list of something else than objects', 200, 'application/json', '{"items":[null]}'],
  ['a status of its own', 418, 'application/json', '{}'],
  ['a list with a status that no list has', 418, 'application/json', '{"items":[]}'],
  ['a redirect, which is not followed', 302, 'text/html', ''],
])('%s is a failure, never an empty list', async (_, code, type, body) => {
  server.misbehaviours.push((_asked, response) => {
    answer(response, code, body, { 'content-type': type });
    return true;
  });
  await expect(read()).rejects.toMatchObject({
    name: 'ClusterFailingError',
    message: expect.stringContaining(`${code}`),
  });
});

test('401 names the access entry, 403 the verb and the resource; neither is tried again', async () => {
  server.collections.set(PODS.path, pods(1));
  server.isTokenGood = () => false;
  await expect(read()).rejects.toMatchObject({
    name: 'ClusterUnauthorizedError',
    message: expect.stringContaining('access entry'),
  });
  server.isTokenGood = () => true;
  server.allowed = new Set();
  await expect(read()).rejects.toMatchObject({
    name: 'ClusterForbiddenError',
    resource: 'pods',
    message: expect.stringContaining('is not allowed to list pods'),
  });
  expect(waits).toEqual([]);
});

test.each([
  ['another CA', () => newAuthority('other').certificate],
  ['another CA of the same name', () => newAuthority().certificate],
])('a server with a certificate of %s gets no token', async (_, certificateAuthority) => {
  server.collections.set(PODS.path, pods(1));
  await expect(read(apiOf({ certificateAuthority: certificateAuthority() }))).rejects.toMatchObject({
    name: 'ClusterCertificateError',
    cluster,
  });
  expect(server.asked).toEqual([]);
});

test('two clusters with two CAs are read side by side, each by its own', async () => {
  const other = await new KubernetesServer().start();
  try {
    server.collections.set(PODS.path, pods(1));
    other.collections.set(PODS.path, pods(2));
    const apis = [apiOf(), apiOf({ url: other.url, certificateAuthority: other.certificateAuthority })];
    expect((await Promise.all(apis.map((api) => read(api)))).map(({ items }) => items.length)).toEqual([1, 2]);
  } finally {
    await other.stop();
  }
});

/** Accepts connections and says nothing, as a firewall that drops packets looks to a client. */
async function silentPort(): Promise<{ readonly url: string; close(): void }> {
  const silent = createServer((socket) => socket.on('error', () => {}));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  return { url: `https://localhost:${(silent.address() as AddressInfo).port}`, close: () => silent.close() };
}

test.each([
  ['public', false, 'ClusterConnectionError'],
  ['private', true, 'ClusterEndpointPrivateError'],
])('a %s endpoint without a connection is not tried again after the connect timeout', async (_, isPrivate, name) => {
  const silent = await silentPort();
  await expect(read(apiOf({ url: silent.url, isPrivate }, { ...limits, connectMs: 300 }))).rejects.toMatchObject({
    name,
    cluster,
  });
  expect(waits).toEqual([]);
  silent.close();
});

test('a new connection that fails in the middle of a list is tried again: the cluster answered before', async () => {
  server.collections.set(PODS.path, pods(501));
  const port = Number(new URL(server.url).port);
  const back = { ...limits, retry: { attempts: 2, wait: async () => void (await server.start(port)) } };
  const api = apiOf({}, back);
  const list = api.list(PODS);
  await list.next();
  await server.stop();
  expect(await list.next()).toMatchObject({ done: false, value: [named(500)] });
  api.close();
});

test('a closed port is no connection', async () => {
  const { url, close } = await silentPort();
  close();
  await expect(read(apiOf({ url }))).rejects.toMatchObject({
    name: 'ClusterConnectionError',
    message: expect.stringContaining('444455556666/eu-west-1/prod'),
  });
});

describe('a write of a custom object', () => {
  const LISTS = { resource: 'allowedimages', path: '/apis/patchwave.dev/v1/allowedimages' };
  const ONE = { ...LISTS, path: `${LISTS.path}/all` };
  const object = { metadata: { name: 'all', resourceVersion: '7' } };
  const writes = () => server.asked.filter(({ method }) => method !== 'GET');
  const answers = (code: number, body: string, times = 1) => {
    for (let nth = 0; nth < times; nth += 1)
      server.once(
        () => true,
        (response) => answer(response, code, body),
      );
  };

  test('as an apply takes every field from others, refuses unknown ones, and has the version as its condition', async () => {
    answers(200, JSON.stringify(object));
    expect(await apiOf().apply(ONE, object)).toEqual({ object });
    const [{ method, query, headers, body } = {}] = writes();
    expect([method, query?.toString(), headers?.['content-type']]).toEqual([
      'PATCH',
      'fieldManager=patchwave&fieldValidation=Strict&force=true',
      'application/apply-patch+yaml',
    ]);
    expect(JSON.parse(body ?? '')).toEqual(object);
  });

  test('as a creation is sent to the collection', async () => {
    answers(201, JSON.stringify(object));
    expect(await apiOf().create(LISTS, object)).toEqual({ object });
    const [{ method, path, query } = {}] = writes();
    expect([method, path, query?.toString()]).toEqual([
      'POST',
      LISTS.path,
      'fieldManager=patchwave&fieldValidation=Strict',
    ]);
  });

  test('that meets another version is refused, and not tried again', async () => {
    answers(409, status(409, 'Conflict', 'the object has been modified'));
    expect(await apiOf().apply(ONE, object)).toEqual({ refused: 409, message: 'the object has been modified' });
    expect(writes()).toHaveLength(1);
  });

  test('with a field that the cluster does not know is refused, though the server calls it a failure of its own', async () => {
    const message = 'failed to create typed patch object: .spec.readAt: field not declared in schema';
    answers(500, status(500, 'InternalError', message));
    expect(await apiOf().apply(ONE, object)).toEqual({ refused: 500, message });
    expect(writes()).toHaveLength(1);
  });

  test('is tried again where the server fails, and unknown where it goes on failing', async () => {
    answers(503, 'down');
    answers(200, JSON.stringify(object));
    expect(await apiOf().apply(ONE, object)).toEqual({ object });
    expect(waits).toEqual([1]);
    answers(500, 'down', 4);
    await expect(apiOf().create(LISTS, object)).rejects.toMatchObject({ name: 'WriteUnknownError' });
  });

  test('without the right to it names verb and resource', async () => {
    const message = 'allowedimages.patchwave.dev is forbidden: User "x" cannot create resource "allowedimages"';
    answers(403, status(403, 'Forbidden', message));
    await expect(apiOf().create(LISTS, object)).rejects.toThrow('not allowed to create allowedimages');
  });

  test('that an admission policy of the cluster denies is refused', async () => {
    answers(403, status(403, 'Forbidden', 'admission webhook "x" denied the request'));
    expect(await apiOf().create(LISTS, object)).toMatchObject({ refused: 403 });
  });
});
