import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { buildFiles } from '../../enforcement/build/build-files.ts';
import { type ClusterSource, publishCluster } from '../../functions/door-publisher/publish-cluster.ts';
import { makeEksCluster } from '../../local/kubernetes/eks.ts';
import { RESOURCES } from '../../local/kubernetes/objects.ts';
import { fullJitter } from '../../shared/adapters/backoff.ts';
import type { EksAllowedImages } from '../../shared/adapters/eks-allowed-images.ts';
import { listedDigests, MOST_DIGESTS } from '../../shared/domain/admission/allowed-images.ts';
import type { Digest } from '../../shared/domain/image/image.ts';
import { publisherIn } from '../contract/eks-publish-access.contract.ts';
import { useCloud } from '../support/cloud.ts';
import { constraintDefinition } from '../support/constraint-definition.ts';
import { doorPolicy } from '../support/door-world.ts';
import { type KubeApiserver, startKubeApiserver } from '../support/kube-apiserver.ts';
import { type ApiObject, KubernetesClient } from '../support/kubernetes-client.ts';
import { programs } from '../support/kubernetes-programs.ts';
import { DAY_MS, HOUR_MS } from '../support/samples.ts';

/* What the publisher writes, and what the shipped policies make of it, on the real API server. */

const PLACE = { account: '444455556666', region: 'eu-west-1', cluster: 'lists' };
const policy = doorPolicy({ mode: 'warn', rules: [{ namespaces: ['shop', 'pay'], mode: 'deny' }] });
const files = buildFiles(policy, { clusters: [], shardCount: 16 });
const manifests = (name: string): readonly ApiObject[] =>
  parseAllDocuments(files.get(`kubernetes/${name}.yaml`) ?? '').map((document) => document.toJS() as ApiObject);

/** Of the list of a letter. */
const digest = (letter: string, at = 1): Digest => `sha256:${letter}${at.toString(16).padStart(63, '0')}`;
const [ALLOWED, OTHER, UNLISTED, GRACED] = [digest('a'), digest('b'), digest('c'), digest('d')];

const cloud = useCloud();
let server: KubeApiserver;
let client: KubernetesClient;
let lists: EksAllowedImages;

/** Decides, and writes nothing. */
async function tried(namespace: string, ...digests: readonly Digest[]): Promise<string> {
  const containers = digests.map((one, at) => ({ name: `c${at}`, image: `registry.example/team/web@${one}` }));
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'tried' }, spec: { containers } };
  const path = `/api/v1/namespaces/${namespace}/pods?dryRun=All`;
  const { status, body, warnings } = await client.send('POST', path, pod);
  const ruleOf = (text = ''): string => /\(([a-z0-9-]+)\)[^()]*$/.exec(text)?.[1] ?? text;
  if (status >= 400) return `deny ${ruleOf(body.message)}`;
  return warnings.length === 0 ? 'allow' : ['warn', ...warnings.map(ruleOf)].join(' ');
}

/** A list takes effect some moments after it was written. */
async function until(expected: string, namespace: string, ...digests: readonly Digest[]): Promise<void> {
  let answer = '';
  for (const end = Date.now() + 30_000; Date.now() < end; await sleep(100)) {
    answer = await tried(namespace, ...digests);
    if (answer === expected) return;
  }
  expect(answer).toBe(expected);
}

const publication = (allowed: Iterable<Digest>, changes: Partial<ClusterSource> = {}) => {
  const readAtEpochMs = Date.now();
  const source = {
    ...{ cluster: PLACE, digestsOf: listedDigests(new Set(allowed)), policyVersion: 'f'.repeat(64) },
    graced: new Map([[GRACED, { untilEpochMs: readAtEpochMs + HOUR_MS, ruleId: 'age-limit' }]]),
    running: new Map([[GRACED, ['shop']]]),
    ...{ readAtEpochMs, notAfterEpochMs: readAtEpochMs + DAY_MS },
    ...changes,
  };
  const ports = { lists, clock: Date.now, retry: fullJitter({ attempts: 5, firstMs: 50 }) };
  return publishCluster(ports, source, AbortSignal.timeout(60_000));
};

beforeAll(async () => {
  await makeEksCluster(cloud(), PLACE);
  server = await startKubeApiserver(await programs(), cloud(), PLACE);
  client = new KubernetesClient(server);
  lists = await publisherIn({ cloud: cloud(), place: PLACE });
  for (const name of ['shop', 'pay', 'other']) await server.admin.ensureNamespace(name);
  const rights = await readFile(new URL('../../enforcement/access/publish.yaml', import.meta.url), 'utf8');
  const access = parseAllDocuments(rights).map((document) => document.toJS() as ApiObject);
  const definitions = [...manifests('allowed-images-definition'), constraintDefinition() as ApiObject];
  for (const object of [...access, ...definitions]) expect(await client.apply(object)).toMatchObject({ status: 201 });
  const collections = [
    '/apis/patchwave.dev/v1/allowedimages',
    '/apis/constraints.gatekeeper.sh/v1beta1/patchwaveimages',
  ];
  for (const collection of collections)
    for (const end = Date.now() + 30_000; Date.now() < end; await sleep(100))
      if ((await client.send('GET', collection)).status === 200) break;
  for (const name of ['first-allowed-images', 'admission-policies'])
    for (const object of manifests(name)) expect(await client.apply(object)).toMatchObject({ status: 201 });
  await until('warn digest-allowed list-current', 'shop', UNLISTED);
}, 120_000);
afterAll(async () => {
  client?.close();
  await server?.stop();
});

test('the doors decide by what was published: over the first lists, which somebody else made', async () => {
  expect(await publication([ALLOWED])).toBe(16);
  await until('deny digest-allowed', 'shop', UNLISTED);
  await until('allow', 'shop', ALLOWED);
  await until('warn age-limit', 'shop', GRACED);
  expect(await tried('pay', GRACED)).toBe('deny digest-allowed');
  expect(await tried('other', UNLISTED)).toBe('warn digest-allowed');
});

test('an image that enters may start, and one that left may not', async () => {
  await publication([OTHER], { graced: new Map(), running: new Map() });
  await until('allow', 'shop', OTHER);
  await until('deny digest-allowed', 'shop', ALLOWED);
  await until('deny digest-allowed', 'shop', GRACED);
});

test('an older reading does not take back what a newer one published', async () => {
  const readAtEpochMs = Date.now() - HOUR_MS;
  await publication([ALLOWED], { readAtEpochMs });
  const spec = (await server.admin.get(RESOURCES.allowedImages, undefined, 'digests-b'))?.spec;
  expect(Object.keys((spec as { digests: object }).digests)).toEqual([OTHER.slice(7)]);
});

test('of many publications at the same time the newest reading stands', async () => {
  const now = Date.now();
  const nth = Array.from({ length: 6 }, (_, at) => at);
  const ended = await Promise.allSettled(
    nth.map((at) => publication([digest('b', 100 + at)], { readAtEpochMs: now + at, notAfterEpochMs: now + DAY_MS })),
  );
  expect(ended.at(-1)?.status).toBe('fulfilled');
  const spec = (await server.admin.get(RESOURCES.allowedImages, undefined, 'digests-b'))?.spec;
  expect(Object.keys((spec as { digests: object }).digests)).toEqual([digest('b', 105).slice(7)]);
}, 60_000);

test('a list of as many images as it may have is published, and 30 of its images start', async () => {
  const many = Array.from({ length: MOST_DIGESTS }, (_, at) => digest('e', at));
  // With one that violates a rule in so many namespaces, no more bytes fit either.
  const graced = digest('e', MOST_DIGESTS);
  const namespaces = [...Array.from({ length: 3_900 }, (_, at) => `namespace-of-team-${at + 1000}`), 'shop'];
  await publication([ALLOWED, ...many], {
    graced: new Map([[graced, { untilEpochMs: Date.now() + HOUR_MS, ruleId: 'age-limit' }]]),
    running: new Map([[graced, namespaces]]),
  });
  await until('allow', 'shop', ...many.slice(-30));
  await until('warn age-limit', 'shop', graced);
  expect(await tried('shop', ...many.slice(-29), UNLISTED)).toBe('deny digest-allowed');
  // One more does not fit: that list stays, and every other one is written.
  await expect(publication([OTHER, ...many, digest('e', MOST_DIGESTS)])).rejects.toMatchObject({
    name: 'ListTooLargeError',
    message: expect.stringContaining('it would have 20001 images'),
  });
  await until('allow', 'shop', OTHER);
  expect(await tried('shop', many.at(-1) ?? ALLOWED)).toBe('allow');
}, 60_000);

test('a publisher that is dead for longer than its lists count is no outage', async () => {
  await publication([ALLOWED], { notAfterEpochMs: Date.now() - 1000 });
  await until('warn digest-allowed list-current', 'shop', UNLISTED);
  await until('warn list-current', 'shop', ALLOWED);
  await publication([ALLOWED]);
  await until('deny digest-allowed', 'shop', UNLISTED);
  await until('allow', 'shop', ALLOWED);
});

test('a list that somebody deleted refuses pods until the next publication makes it again', async () => {
  expect((await client.send('DELETE', '/apis/patchwave.dev/v1/allowedimages/digests-a')).status).toBe(200);
  for (const end = Date.now() + 30_000; Date.now() < end && (await tried('shop', ALLOWED)) === 'allow'; )
    await sleep(100);
  expect(await tried('shop', ALLOWED)).toMatch(/^deny .*no params found/);
  expect(await publication([ALLOWED])).toBe(16);
  await until('allow', 'shop', ALLOWED);
});

describe('where Gatekeeper decides', () => {
  const constraints = manifests('gatekeeper').filter(({ kind }) => kind === 'PatchwaveImages');
  const stored = async (name: string) => {
    const object = await server.admin.get(RESOURCES.constraints, undefined, name);
    return object as { spec: { enforcementAction: string; parameters: object } } & typeof object;
  };

  test('each constraint that is there gets the list of all images, and no other change', async () => {
    const [deny] = constraints;
    if (!deny) throw new Error('gatekeeper.yaml has no constraint');
    expect(await client.apply(deny)).toMatchObject({ status: 201 });
    expect(await publication([ALLOWED, OTHER])).toBe(17);
    const { spec } = await stored(deny.metadata.name);
    expect(spec).toMatchObject({ enforcementAction: 'deny', match: { kinds: [{ kinds: ['Pod'] }] } });
    expect(spec.parameters).toMatchObject({
      severity: 'deny',
      allowed: {
        digests: { [ALLOWED.slice(7)]: '', [OTHER.slice(7)]: '' },
        running: { [GRACED.slice(7)]: { namespaces: ['shop'] } },
      },
    });
    expect(await server.admin.list(RESOURCES.constraints)).toHaveLength(1);
  });

  test('a person who applies gatekeeper.yaml again takes away nothing that was published', async () => {
    const names = constraints.map(({ metadata }) => metadata.name);
    for (const object of constraints) expect((await client.apply(object)).status).toBeLessThan(300);
    expect(await publication([ALLOWED])).toBe(18);
    const before = await Promise.all(names.map(stored));
    for (const object of constraints) expect(await client.apply(object)).toMatchObject({ status: 200 });
    const after = await Promise.all(names.map(stored));
    expect(after.map(({ spec }) => spec)).toEqual(before.map(({ spec }) => spec));
    expect(after.map(({ spec }) => spec.enforcementAction)).toEqual(['deny', 'warn']);
    expect(after.map(({ spec }) => spec.parameters)).toEqual(
      ['deny', 'warn'].map((severity) =>
        expect.objectContaining({
          severity,
          allowed: expect.objectContaining({ digests: { [ALLOWED.slice(7)]: '' } }),
        }),
      ),
    );
  });

  test('the owners of the fields stay few, however many images there are', async () => {
    const many = Array.from({ length: MOST_DIGESTS - 1 }, (_, at) => digest('e', at));
    for (let time = 0; time < 2; time += 1) await publication([ALLOWED, ...many]);
    const owners = JSON.stringify(Reflect.get((await stored('patchwave-images-deny')).metadata, 'managedFields'));
    expect(owners).toContain('"f:digests":{}');
    expect(owners.length).toBeLessThan(5_000);
  }, 60_000);
});
