import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { CloudWatchLogsClient, FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { beforeAll } from '@jest/globals';
import { administratorOf } from '../../local/kubernetes/eks.ts';
import { RESOURCES } from '../../local/kubernetes/objects.ts';
import { changeParameters } from '../../local/stack.ts';
import { collect } from '../../shared/concurrency.ts';
import { podSecretOf } from '../../shared/domain/admission/webhook-path.ts';
import { podOf, reviewOf, templateOf } from '../support/admission-reviews.ts';
import { deployDoors, fleetWithDoors, HUB, imageNamed } from '../support/doors-stack.ts';
import { useInstallation } from '../support/installation.ts';
import { pathKey } from '../support/path-key.ts';
import { DAY_MS, HOUR_MS } from '../support/samples.ts';

const HOST = `${HUB.account}.dkr.ecr.${HUB.region}.amazonaws.com`;
const STACK = 'patchwave-doors';
const LIMIT_MS = 120_000;

const installation = useInstallation(fleetWithDoors);
const [KEY, NEXT] = [pathKey(1), pathKey(2)] as const;
const MAIN = { ...HUB, cluster: 'main' };
/** Of version 0.2.0. */
const SECRET = 'the-secret-of-the-operator';
let endpoint = '';

beforeAll(async () => {
  const { review } = installation();
  const ended = await review();
  expect([ended.status, ended.error, ended.cause]).toEqual(['SUCCEEDED', undefined, undefined]);
  endpoint = await deployDoors(installation(), { name: STACK, publicKey: KEY.publicKey });
}, LIMIT_MS);

const isOfNamespace = (review: unknown) => JSON.stringify(review).includes('"kind":"Namespace"');

async function ask(review: unknown, { path = '', place = `${HUB.account}/main` } = {}) {
  const signature = path || KEY.sign(isOfNamespace(review) ? 'namespaces' : 'pods', MAIN);
  const answer = await fetch(`${endpoint}/${signature}/${place}?timeout=3s`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: typeof review === 'string' ? review : JSON.stringify(review),
  });
  const { response, message } = (await answer.json()) as {
    readonly response?: {
      readonly uid: string;
      readonly allowed: boolean;
      readonly warnings?: readonly string[];
      readonly status?: { readonly message: string };
      readonly auditAnnotations?: { readonly decision: string; readonly rule?: string };
    };
    readonly message?: string;
  };
  return { ...response, refusal: response?.status?.message, message, status: answer.status };
}

const named = (name: 'young' | 'old') => imageNamed(installation(), name);
const podIn = (namespace: string, ...names: readonly ('young' | 'old')[]) =>
  reviewOf({ namespace, object: podOf(...names.map(named)) });
const decisionOf = async (review: unknown, how?: Parameters<typeof ask>[1]) => {
  const { status, allowed, auditAnnotations } = await ask(review, how);
  return [status, allowed, auditAnnotations?.decision, auditAnnotations?.rule];
};

const namespace = (annotation?: string) => ({
  metadata: { name: 'shop-2', ...(annotation && { annotations: { 'patchwave.dev/break-glass': annotation } }) },
});
let changes = 0;
const annotated = (object: object, oldObject: object, groups: readonly string[], dryRun = false) =>
  reviewOf({
    ...{
      uid: `change-${++changes}`,
      operation: 'UPDATE',
      name: 'shop-2',
      namespace: 'shop-2',
      object,
      oldObject,
      dryRun,
    },
    ...{ kind: { group: '', version: 'v1', kind: 'Namespace' }, userInfo: { username: 'ada', groups: [...groups] } },
  });

test('the API server gets an answer for each image, by what Patchwave knows of it', async () => {
  expect(await decisionOf(podIn('shop', 'young'))).toEqual([200, true, 'allow', undefined]);
  expect(await decisionOf(podIn('shop', 'young', 'old'))).toEqual([200, true, 'warn', 'age-limit']);
  expect(await decisionOf(podIn('shop-2', 'young', 'old'))).toEqual([200, false, 'deny', 'age-limit']);
  const tag = await ask(reviewOf({ object: podOf('nginx:1') }));
  expect(tag).toMatchObject({
    uid: reviewOf().request.uid,
    allowed: false,
    auditAnnotations: { rule: 'digest-required' },
  });
  // What a tag names is read from the ledger, by the rights of the function.
  expect(await decisionOf(reviewOf({ object: podOf(`${HOST}/app:1`) }))).toEqual([
    200,
    false,
    'deny',
    'digest-required',
  ]);
  const unknown = reviewOf({ object: podOf(`${HOST}/app@sha256:${'0'.repeat(64)}`) });
  expect(await decisionOf(unknown)).toEqual([200, false, 'deny', 'image-recorded']);
  const template = { namespace: 'shop-2', ...templateOf('Deployment', 'apps', named('old')) };
  expect(await decisionOf(reviewOf(template))).toEqual([200, true, 'warn', 'age-limit']);
});

test('a review is one batch read, those of equal pods share it, and nothing else is called', async () => {
  const { cloud } = installation();
  const callsOf = async (...reviews: readonly unknown[]) => {
    await cloud.admin.clearCalls();
    for (const review of reviews) await decisionOf(review);
    const calls = (await cloud.admin.calls()).filter(({ principal = '' }) => principal.startsWith(STACK));
    return calls.map(({ operation, count }) => [operation, count]);
  };
  await decisionOf(podIn('shop', 'young'));
  expect(await callsOf(podIn('rollout', 'young'), podIn('rollout', 'young'))).toEqual([['BatchGetItem', 1]]);
  // A refusal also reads whose image it is, the head of its stream, and whether that may start; it is recorded once an hour.
  expect(await callsOf(podIn('rollout', 'old'), podIn('rollout', 'old'))).toEqual([
    ['BatchGetItem', 8],
    ['PutItem', 1],
  ]);
});

test('a refusal names the head of the stream, by which the owner may go on', async () => {
  const { refusal } = await ask(podIn('rollout', 'old'));
  expect(refusal).toContain(`${named('young')} may start here.`);
});

test('everything else is an error, so that the failure policy decides', async () => {
  const good = podIn('shop', 'young');
  expect(await ask(good, { path: NEXT.sign('pods', MAIN) })).toMatchObject({ status: 404, message: 'Not Found' });
  expect(await ask(good, { path: KEY.sign('namespaces', MAIN) })).toMatchObject({ status: 404, message: 'Not Found' });
  expect(await ask(good, { place: `${HUB.account}/other` })).toMatchObject({ status: 404, message: 'Not Found' });
  expect(await ask(good, { place: `${HUB.account}/..%2Fmain` })).toMatchObject({ status: 404 });
  expect(await ask('{')).toMatchObject({ status: 400 });
  expect(await ask({ ...good, apiVersion: 'admission.k8s.io/v1beta1' })).toMatchObject({ status: 400 });
  expect(await ask('x'.repeat(5_000_000))).toMatchObject({ status: 413 });
});

test(
  'a person of the group opens a namespace that has the annotation itself; a review alone and a dry run open nothing',
  async () => {
    const pod = podIn('shop-2', 'old');
    const annotation = (hours: number) =>
      JSON.stringify({ author: 'Ada', reason: 'x', expires: new Date(Date.now() + hours * HOUR_MS).toISOString() });
    const open = namespace(annotation(2));
    expect(await decisionOf(annotated(open, namespace(), ['others']))).toEqual([200, false, 'deny', 'break-glass']);
    expect(await decisionOf(annotated(namespace(annotation(25)), namespace(), ['on-call']))).toEqual([
      ...[200, false, 'deny', 'break-glass'],
    ]);
    expect(await decisionOf(annotated(open, namespace(), ['on-call'], true))).toEqual([
      200,
      true,
      'warn',
      'break-glass',
    ]);
    expect(await decisionOf(pod)).toEqual([200, false, 'deny', 'age-limit']);
    const api = await administratorOf(installation().cloud, MAIN);
    try {
      const becomes = async (decision: string) => {
        for (const end = Date.now() + 60_000; Date.now() < end; await sleep(500))
          if ((await decisionOf(pod))[2] === decision) return;
        throw new Error(`the decision did not become ${decision} within 60 s`);
      };
      const annotate = (value: string | null) =>
        api.patch(
          RESOURCES.namespaces,
          { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop-2' } },
          { metadata: { annotations: { 'patchwave.dev/break-glass': value } } },
        );
      await api.ensureNamespace('shop-2');
      expect(await decisionOf(annotated(open, namespace(), ['on-call']))).toEqual([200, true, 'warn', 'break-glass']);
      await sleep(5_000);
      expect(await decisionOf(pod)).toEqual([200, false, 'deny', 'age-limit']);
      await annotate(open.metadata.annotations?.['patchwave.dev/break-glass'] ?? '');
      await becomes('warn');
      await annotate(null);
      expect(await decisionOf(annotated(namespace(), open, ['others']))).toEqual([200, true, 'allow', undefined]);
      await becomes('deny');
    } finally {
      api.close();
    }
    expect(await collect(installation().context.breakGlasses.all())).toMatchObject([
      { place: { cluster: 'main', namespace: 'shop-2' }, author: 'Ada', by: 'ada', endedBy: 'ada', proof: 'cluster' },
    ]);
  },
  LIMIT_MS,
);

test(
  'a key is rotated without a gap, and paths of version 0.2.0 count until their hash is gone',
  async () => {
    const { cloud } = installation();
    const stack = new CloudFormationClient(cloud.clients(HUB.account, HUB.region));
    const pod = podIn('shop', 'young');
    const paths = [KEY.sign('pods', MAIN), NEXT.sign('pods', MAIN), SECRET];
    const statuses = async () => Promise.all(paths.map(async (path) => (await ask(pod, { path })).status));
    expect(await statuses()).toEqual([200, 404, 404]);
    await changeParameters(stack, STACK, { NextPathPublicKey: NEXT.publicKey });
    expect(await statuses()).toEqual([200, 200, 404]);
    const hash = createHash('sha256').update(podSecretOf(SECRET)).digest('base64');
    await changeParameters(stack, STACK, {
      PathPublicKey: NEXT.publicKey,
      NextPathPublicKey: '',
      PathSecretHash: hash,
    });
    expect(await statuses()).toEqual([404, 200, 200]);
    await changeParameters(stack, STACK, { PathPublicKey: KEY.publicKey, PathSecretHash: '' });
    expect(await statuses()).toEqual([200, 404, 404]);
  },
  LIMIT_MS,
);

test(
  'while the table is throttled it refuses by the last policy, in time, and without one it is an error',
  async () => {
    const { cloud } = installation();
    const pod = podIn('never-asked-before', 'young');
    expect((await ask(podIn('shop', 'young'))).allowed).toBe(true);
    try {
      await cloud.admin.setFaults({ seed: 1, throttleRate: 1, operations: ['BatchGetItem', 'GetItem'] });
      const startedAtMs = performance.now();
      expect(await decisionOf(pod)).toEqual([200, false, 'deny', 'door-undecided']);
      expect(performance.now() - startedAtMs).toBeLessThan(3_000);
      await cloud.admin.endEnvironments();
      expect(await ask(pod)).toMatchObject({ status: 500 });
    } finally {
      await cloud.admin.endFaults();
    }
    expect((await ask(pod)).allowed).toBe(true);
  },
  LIMIT_MS,
);

test('the log has decisions, and no object, path or secret', async () => {
  const { cloud } = installation();
  const logs = new CloudWatchLogsClient(cloud.clients(HUB.account, HUB.region));
  const { events = [] } = await logs.send(
    new FilterLogEventsCommand({
      logGroupName: `/aws/lambda/${STACK}-admission-webhook`,
      startTime: Date.now() - DAY_MS,
    }),
  );
  const text = events.map(({ message = '' }) => message).join('\n');
  expect(text).toContain('"decision":"deny"');
  expect(text).toContain('policy or ledger cannot be read');
  for (const hidden of [KEY.sign('pods', MAIN), SECRET, 'containers', 'nginx', 'break-glass="', 'Ada'])
    expect([hidden, text.includes(hidden)]).toEqual([hidden, false]);
});
