import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { buildFiles } from '../../enforcement/build/build-files.ts';
import { makeEksCluster } from '../../local/kubernetes/eks.ts';
import { useCloud } from '../support/cloud.ts';
import { commonLists } from '../support/conformance/allowed-lists.ts';
import { casesPolicy, conformanceCases } from '../support/conformance/cases.ts';
import { decidedBy, matrixText, notExpressed, putToDoors } from '../support/conformance/matrix.ts';
import {
  POLICIES_ON_SERVER,
  policiesOnServerDoor,
  withOwnDigests,
} from '../support/conformance/policies-server-door.ts';
import type { DEVELOPER } from '../support/conformance/webhook-door.ts';
import { collectionOf, storedBefore } from '../support/conformance/webhook-server-door.ts';
import { type KubeApiserver, startKubeApiserver } from '../support/kube-apiserver.ts';
import { type ApiObject, KubernetesClient } from '../support/kubernetes-client.ts';
import { programs } from '../support/kubernetes-programs.ts';

/* The policies of `enforcement:build` on the real API server, with the conformance cases. */

const PLACE = { account: '444455556666', region: 'eu-west-1', cluster: 'prod' };
const cloud = useCloud();
let server: KubeApiserver;
let administrator: KubernetesClient;
const clients = new Map<string, KubernetesClient>();

/** What the API server allows a person is not what is tried here. */
function clientOf({ username, groups }: typeof DEVELOPER): KubernetesClient {
  const client =
    clients.get(username) ?? new KubernetesClient(server, { name: username, groups: [...groups, 'system:masters'] });
  clients.set(username, client);
  return client;
}

beforeAll(async () => {
  await makeEksCluster(cloud(), PLACE);
  server = await startKubeApiserver(await programs(), cloud(), PLACE);
  administrator = new KubernetesClient(server);
  await server.admin.ensureNamespace('shop');
}, 120_000);
afterAll(async () => {
  for (const client of clients.values()) client.close();
  administrator?.close();
  await server?.stop();
});

/** Tries a pod, so that the answer shows whether a policy is in force. */
async function isRefused(image: string): Promise<boolean> {
  const probe = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'probe' },
    spec: { containers: [{ name: 'c', image }] },
  };
  return (await administrator.send('POST', '/api/v1/namespaces/shop/pods?dryRun=All', probe)).status === 403;
}

/** An image of each list, and one of a registry that is not approved. */
const REFUSED = [
  ...[...'0123456789abcdef'].map(
    (letter) => `111122223333.dkr.ecr.eu-west-1.amazonaws.com/apps/web@sha256:${letter.repeat(64)}`,
  ),
  'evil.example/x:1',
];

/** A change takes effect after some time. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 60_000; !(await isSo()); await sleep(200))
    if (Date.now() > end) throw new Error('the change has had no effect after 60 s');
}

const files = buildFiles(casesPolicy, { clusters: [PLACE], shardCount: 16 });
const manifests = (name: string): readonly ApiObject[] =>
  parseAllDocuments(files.get(`kubernetes/${PLACE.account}/${PLACE.region}/${PLACE.cluster}/${name}.yaml`) ?? '').map(
    (document) => document.toJS() as ApiObject,
  );

async function apply(objects: readonly ApiObject[]): Promise<void> {
  for (const object of objects) {
    const { status, body } = await administrator.apply(object);
    expect([object.metadata.name, status < 300, body.message]).toEqual([object.metadata.name, true, undefined]);
  }
}

test('the server answers each case that it can express as due, at least 60', async () => {
  const door = policiesOnServerDoor(clientOf);
  const cases = conformanceCases();
  const put = cases.filter((one) => door.can(one));
  for (const one of put.map(withOwnDigests)) {
    const object = storedBefore(one);
    if (object) expect((await administrator.send('POST', collectionOf(one), object)).status).toBe(201);
  }
  await apply(manifests('allowed-images-definition'));
  await until(async () => (await administrator.send('GET', '/apis/patchwave.dev/v1/allowedimages')).status === 200);
  await apply(Object.values(commonLists(put, Date.parse('2100-01-01T00:00:00Z'))) as ApiObject[]);
  await apply(manifests('admission-policies'));
  await until(async () => (await Promise.all(REFUSED.map(isRefused))).every(Boolean));
  const outcomes = await putToDoors([door], cases, notExpressed());
  process.stderr.write(`${matrixText(outcomes)}\n`);
  expect(outcomes.flatMap(({ problem }) => problem ?? [])).toEqual([]);
  expect(decidedBy(POLICIES_ON_SERVER, outcomes)).toBeGreaterThanOrEqual(150);
}, 300_000);
