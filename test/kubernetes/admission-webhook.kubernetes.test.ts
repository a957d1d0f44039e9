import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { CreateAccessEntryCommand, EKSClient } from '@aws-sdk/client-eks';
import { afterAll, afterEach, beforeAll, jest } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { doorsCommand } from '../../cli/commands/doors.ts';
import { inTime } from '../../functions/admission-webhook/deadline.ts';
import { PathKeys } from '../../functions/admission-webhook/path-keys.ts';
import { RememberedPolicies } from '../../functions/admission-webhook/remembered-policies.ts';
import type { ReviewPorts } from '../../functions/admission-webhook/reviewed.ts';
import { checkBreakGlass } from '../../functions/break-glass/check-break-glass.ts';
import type { BreakGlassOutcome } from '../../functions/break-glass/ports.ts';
import { makeOpenRole, type SessionCredentials, sessionOf } from '../../local/cloud/probe-kubernetes.ts';
import type { KubernetesObject } from '../../local/kubernetes/objects.ts';
import { EksNamespaces } from '../../shared/adapters/eks-namespaces.ts';
import type { Cluster } from '../../shared/domain/image/usage.ts';
import { metrics } from '../../shared/lambda/metrics.ts';
import { logger } from '../../shared/lambda/powertools.ts';
import type { BreakGlassCheck, Messages } from '../../shared/ports/messages.ts';
import { reviewOf } from '../support/admission-reviews.ts';
import { newAuthority } from '../support/certificates.ts';
import { useCloud } from '../support/cloud.ts';
import { conformanceCases } from '../support/conformance/cases.ts';
import { decidedBy, matrixText, notExpressed, putToDoors } from '../support/conformance/matrix.ts';
import {
  collectionOf,
  storedBefore,
  WEBHOOK_ON_SERVER,
  webhookOnServerDoor,
} from '../support/conformance/webhook-server-door.ts';
import { doorImage, doorPolicy, doorTag, doorWorld, pushTag } from '../support/door-world.ts';
import { documentedAwsManaged, NODE_PODS, OTHER_PODS, podOf } from '../support/eks-new-node.ts';
import type { KubernetesClient, PersonAnswer } from '../support/kubernetes-client.ts';
import { HOUR_MS } from '../support/samples.ts';
import { WebhookCluster } from '../support/webhook-cluster.ts';
import { cliContext, run } from '../unit/cli/support.ts';

/* The admission webhook with the configuration of `enforcement:build`, before the real API server. */

const CLUSTER: Cluster = { account: '444455556666', region: 'eu-west-1', cluster: 'prod' };
const DEVELOPER = { username: 'ada', groups: ['developers'] };
const ON_CALL = { username: 'jo', groups: ['developers', 'platform-on-call'] };

const cloud = useCloud();
let cluster: WebhookCluster;

beforeAll(async () => {
  for (const level of ['info', 'warn', 'error'] as const) jest.spyOn(logger, level).mockImplementation(() => {});
  jest.spyOn(metrics, 'publishStoredMetrics').mockReturnThis();
  cluster = await WebhookCluster.start(cloud(), CLUSTER, ['shop', 'open', 'stage', 'lab', 'plain']);
  const config = cloud().clients(CLUSTER.account, CLUSTER.region);
  const principalArn = await makeOpenRole(config, 'PatchwaveRead');
  reader = await sessionOf(config, principalArn);
  await new EKSClient(config).send(
    new CreateAccessEntryCommand({ clusterName: CLUSTER.cluster, principalArn, kubernetesGroups: ['patchwave:read'] }),
  );
  for (const document of parseAllDocuments(readFileSync('enforcement/access/read.yaml', 'utf8')))
    await cluster.server.admin.ensure(document.toJS() as KubernetesObject);
}, 120_000);
afterAll(async () => {
  await cluster?.stop();
  jest.restoreAllMocks();
});

describe('the cases of enforcement/cases', () => {
  const cases = conformanceCases();

  beforeAll(async () => {
    for (const one of cases) {
      if (one.place.namespace !== undefined) await cluster.server.admin.ensureNamespace(one.place.namespace);
      const object = storedBefore(one);
      if (!object) continue;
      const { status, body } = await cluster.administrator.send('POST', collectionOf(one), object);
      expect([one.id, status, body.message]).toEqual([one.id, 201, undefined]);
    }
  }, 60_000);

  test('have at the client the answers that are due', async () => {
    const door = webhookOnServerDoor({
      webhook: cluster.webhook,
      clientOf: (person) => cluster.clientOf(person),
      configure: (one) => cluster.configure(one.situation.policy),
    });
    const outcomes = await putToDoors([door], cases, notExpressed());
    const asked = cluster.webhook.asked.filter((one) => !WebhookCluster.isProbe(one)).length;
    process.stderr.write(`${matrixText(outcomes)}\n${asked} reviews were asked of the webhook\n`);
    expect(outcomes.flatMap(({ problem }) => problem ?? [])).toEqual([]);
    expect(decidedBy(WEBHOOK_ON_SERVER, outcomes)).toBeGreaterThanOrEqual(180);
  }, 180_000);
});

/* From here on the webhook reads a world of fakes: `shop` denies, `stage` warns, `lab` is off. */

const DOORS = {
  mode: 'warn',
  rules: [
    { namespaces: ['lab'], mode: 'off' },
    { namespaces: ['shop', 'plain'], mode: 'deny' },
    { namespaces: ['open'], mode: 'deny', onUnreachable: 'allow' },
  ],
  breakGlass: { groups: ['platform-on-call'] },
} as const;
const [GOOD, BAD] = [doorImage('compliant'), doorImage('violating')] as const;

type World = Awaited<ReturnType<typeof doorWorld>>;
let world: World;

/** The role that reviews read clusters with, with the rights of read.yaml. */
let reader: SessionCredentials;
/** What the queue of doors.yaml does: each check looks into the real cluster, again and again while it must. */
const underWay = new Set<Promise<unknown>>();
const checks: Messages<BreakGlassCheck> = {
  async send(messages) {
    for (const message of messages) {
      const looking = lookedUp(message).finally(() => underWay.delete(looking));
      underWay.add(looking);
    }
  },
};

async function lookedUp(message: BreakGlassCheck): Promise<BreakGlassOutcome> {
  const { account, region } = CLUSTER;
  const namespaces = new EksNamespaces({
    clients: () => new EKSClient(cloud().clients(account, region)),
    credentials: async () => reader,
    clock: Date.now,
  });
  const deadLetters = { put: async () => undefined };
  for (let looks = 1; ; looks += 1) {
    await sleep(200);
    const outcome = await checkBreakGlass(
      { ledger: world.exceptions, namespaces, deadLetters, clock: world.clock },
      message,
      looks,
    );
    if (outcome !== 'again') return outcome;
  }
}

const settled = async (): Promise<void> => {
  while (underWay.size > 0) await Promise.all(underWay);
};

function portsOf({ images, places, running, exceptions, clock, policies }: World): ReviewPorts {
  const remembered = new RememberedPolicies(policies);
  return {
    ...{ images, places, running, exceptions, clock, policies: remembered, checks },
    lastPolicy: () => remembered.last(),
    inTime: (work) => inTime(1500, work),
  };
}

const pod = (name: string, image: string, more: object = {}) => ({
  ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: { containers: [{ name: 'web', image }], ...more } },
});
const pods = (namespace: string, name?: string): string =>
  `/api/v1/namespaces/${namespace}/pods${name === undefined ? '' : `/${name}`}`;
const developer = (): KubernetesClient => cluster.clientOf(DEVELOPER);
const create = (namespace: string, object: object) => developer().send('POST', pods(namespace), object);
const tried = (namespace: string, image: string, more: object = {}) =>
  developer().send('POST', `${pods(namespace)}?dryRun=All`, pod('tried', image, more));
const STRATEGIC = 'application/strategic-merge-patch+json';
const MERGE = 'application/merge-patch+json';
const patch = (path: string, change: object, by = developer(), type = STRATEGIC) =>
  by.send('PATCH', path, change, type);
const deployment = (name: string, image: string) => ({
  ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name } },
  spec: {
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: pod(name, image).spec },
  },
});

/** What the person sees: `allow`, `warn` or `deny` with the rule, or that the webhook could not be called. */
async function seen(answer: PersonAnswer | Promise<PersonAnswer>): Promise<string> {
  const { status, body, warnings } = await answer;
  const { message = '' } = body;
  const ruleOf = (text: string): string => /.*\(([a-z][a-z0-9-]*)\)/s.exec(text)?.[1] ?? text;
  if (status < 300) return warnings.length === 0 ? 'allow' : ['warn', ...warnings.map(ruleOf)].join(' ');
  if (status === 403 && message.startsWith('admission webhook')) return `deny ${ruleOf(message)}`;
  return message.startsWith('Internal error occurred: failed calling webhook') ? 'failed' : `${status} ${message}`;
}

async function useWorld(): Promise<void> {
  world = await doorWorld('warn', DOORS);
  cluster.webhook.ports = portsOf(world);
  await cluster.configure(doorPolicy(DOORS));
}

describe('what fails', () => {
  const THROTTLED = new Error('ProvisionedThroughputExceededException');
  const fails = () => Promise.reject(THROTTLED);

  /** What is wrong, and how it is put right. */
  const FAILURES: Readonly<Record<string, () => Promise<() => Promise<unknown>>>> = {
    'the webhook is down': async () => {
      await cluster.webhook.stop();
      return () => cluster.webhook.start();
    },
    'the webhook does not answer in time': async () => {
      cluster.webhook.delayMs = 12_000;
      return async () => {
        cluster.webhook.delayMs = 0;
      };
    },
    'the function is slower than the API waits': async () => {
      cluster.webhook.functionMs = 10_000;
      return async () => {
        cluster.webhook.functionMs = 0;
      };
    },
    'the certificate is of another authority': async () => {
      const caBundle = Buffer.from(newAuthority('webhook').certificate).toString('base64');
      await cluster.mistrust(doorPolicy(DOORS), caBundle);
      return () => cluster.configure(doorPolicy(DOORS));
    },
    'the ledger is throttled': async () => {
      cluster.webhook.ports = { ...portsOf(world), images: { get: fails } };
      await cluster.webhook.ports.policies.current();
      return async () => {};
    },
    'the policy cannot be read, and was read before': async () => {
      const ports = portsOf(world);
      await ports.policies.current();
      cluster.webhook.ports = { ...ports, policies: { current: fails } };
      return async () => {};
    },
    'the policy cannot be read, and was never': async () => {
      cluster.webhook.ports = { ...portsOf(world), policies: { current: fails } };
      return async () => {};
    },
    'the path is signed by another key': async () => {
      const { keys } = cluster.webhook;
      cluster.webhook.keys = new PathKeys([]);
      return async () => {
        cluster.webhook.keys = keys;
      };
    },
  };
  const UNDECIDED = ['deny door-undecided', 'warn door-undecided', 'warn door-undecided', 'allow'] as const;
  const UNCALLED = ['failed', 'allow', 'allow', 'allow'] as const;

  beforeAll(useWorld);

  test.each([
    ['the webhook is down', UNCALLED],
    ['the webhook does not answer in time', UNCALLED],
    ['the function is slower than the API waits', UNCALLED],
    ['the certificate is of another authority', UNCALLED],
    ['the ledger is throttled', UNDECIDED],
    ['the policy cannot be read, and was read before', UNDECIDED],
    ['the policy cannot be read, and was never', UNCALLED],
    ['the path is signed by another key', UNCALLED],
  ] as const)(
    '%s: refuses where the door denies and the policy says nothing else, and nowhere else',
    async (name, expected) => {
      const key = Object.keys(FAILURES).indexOf(name);
      const [running, doomed, emptied] = [`running-${key}`, `doomed-${key}`, `emptied-${key}`];
      cluster.webhook.ports = portsOf(world);
      for (const one of [running, doomed]) expect(await seen(create('shop', pod(one, GOOD)))).toBe('allow');
      await cluster.server.admin.ensureNamespace(emptied);
      expect(await seen(patch(`/api/v1/namespaces/${emptied}`, opening(), cluster.clientOf(ON_CALL)))).toMatch(
        /^warn /,
      );
      const ofNamespaces = cluster.signature('namespaces');
      const repair = await FAILURES[name]?.();
      try {
        const starts = ['shop', 'open', 'stage', 'lab'].map((namespace) => tried(namespace, GOOD));
        const others = [
          patch(pods('shop', running), { metadata: { labels: { team: 'web' } } }),
          patch(`${pods('shop', running)}/status`, { status: { phase: 'Running' } }),
          developer().send('DELETE', pods('shop', doomed)),
          developer().send('DELETE', `/api/v1/namespaces/${emptied}`),
          patch('/api/v1/namespaces/shop', { metadata: { labels: { team: 'web' } } }),
        ];
        const path = '/apis/apps/v1/namespaces/shop/deployments?dryRun=All';
        const template = developer().send('POST', path, deployment('a', GOOD));
        expect(await Promise.all(starts.map(seen))).toEqual(expected);
        expect(await Promise.all(others.map(seen))).toEqual(others.map(() => 'allow'));
        expect(await seen(template)).toBe(expected === UNCALLED ? 'allow' : 'warn door-undecided');
        // The API server shows the URL of a webhook that it cannot call: that one asks about pods only.
        expect(JSON.stringify(await Promise.all(starts))).not.toContain(ofNamespaces);
      } finally {
        await repair?.();
      }
      cluster.webhook.ports = portsOf(world);
      expect(await seen(tried('shop', GOOD))).toBe('allow');
      expect(await seen(tried('open', BAD))).toBe('deny critical');
    },
    60_000,
  );

  test.each([503, 504, 500, 429, 404])('an error %i of the API shows nobody the URL', async (code) => {
    cluster.webhook.answers = code;
    const { body } = await tried('shop', GOOD);
    cluster.webhook.answers = undefined;
    expect(body.message).toMatch(/^Internal error occurred: failed calling webhook/);
    expect(body.message).not.toMatch(/https:|127\.0\.0\.1/);
  });

  test('an annotation that cannot be asked about is not set, and its removal passes', async () => {
    await cluster.webhook.stop();
    try {
      const open = patch('/api/v1/namespaces/shop', opening(), cluster.clientOf(ON_CALL));
      expect(await seen(open)).toBe('failed');
      expect(await seen(patch('/api/v1/namespaces/shop', CLOSING))).toBe('allow');
    } finally {
      await cluster.webhook.start();
    }
    expect(await seen(tried('shop', BAD))).toBe('deny critical');
  });
});

const annotated = (value: string | null) => ({ metadata: { annotations: { 'patchwave.dev/break-glass': value } } });
const CLOSING = annotated(null);
function opening(hours = 2) {
  const expires = new Date(world.clock() + hours * HOUR_MS).toISOString();
  return annotated(JSON.stringify({ author: 'Jo', reason: 'incident 7', expires }));
}

describe('the text that a person sees', () => {
  beforeAll(useWorld);

  test('of a refusal names the field, the image and the next step', async () => {
    const containers = [GOOD, BAD].map((image, at) => ({ name: `c${at}`, image }));
    const { status, body } = await tried('shop', GOOD, { containers });
    expect([status, body.reason]).toEqual([403, 'Forbidden']);
    expect(body.message).toContain(`"pods-deny.patchwave.dev" denied the request: spec.containers[1].image (${BAD}): `);
    expect(body.message).toMatch(
      /Deploy a newer image, or see patchwave why sha256:\w+\. In an emergency a member of platform-on-call can open /,
    );
  });

  test('of warnings is whole, and counts those that it leaves out', async () => {
    const containers = Array.from({ length: 12 }, (_, at) => ({
      name: `c${at}`,
      image: `${BAD.slice(0, -2)}${at + 10}`,
    }));
    const { status, warnings } = await tried('stage', GOOD, { containers });
    expect([status, warnings.length]).toEqual([201, 8]);
    expect(warnings.filter((one) => one.endsWith('…'))).toEqual([]);
    expect(warnings.at(-1)).toBe('5 more images of this object have a warning.');
  });

  test('has nothing that an image could do to a terminal', async () => {
    const { status, body } = await tried('shop', 'evil\u001b[2J\u202e');
    expect(status).toBe(403);
    expect(body.message).toContain('\\u001b');
    for (const hidden of ['\u001b', '\u202e']) expect(body.message).not.toContain(hidden);
  });
});

describe('a break-glass', () => {
  const SHOP = '/api/v1/namespaces/shop';
  const onCall = (): KubernetesClient => cluster.clientOf(ON_CALL);
  const bad = () => seen(tried('shop', BAD));
  beforeAll(useWorld);

  afterEach(settled);

  test('that is true opens its namespace within 60 s, and only that, until it expires', async () => {
    expect(await bad()).toBe('deny critical');
    expect(await seen(patch(SHOP, opening()))).toBe('deny break-glass');
    expect(await seen(patch(SHOP, opening(25), onCall()))).toBe('deny break-glass');
    expect(await seen(patch(`${SHOP}?dryRun=All`, opening(), onCall()))).toBe('warn break-glass');
    await settled();
    expect(await bad()).toBe('deny critical');
    const startedAtMs = performance.now();
    expect(await seen(patch(SHOP, opening(), onCall()))).toBe('warn break-glass');
    await settled();
    expect(await seen(create('shop', pod('in-an-emergency', BAD)))).toBe('warn critical');
    expect(performance.now() - startedAtMs).toBeLessThan(60_000);
    expect(await seen(tried('plain', BAD))).toBe('deny critical');
    world.advance(2 * HOUR_MS);
    expect(await bad()).toBe('deny critical');
    expect(await seen(patch(pods('shop', 'in-an-emergency'), { metadata: { labels: { a: 'b' } } }))).toBe('allow');
  });

  test('ends when anybody removes it', async () => {
    expect(await seen(patch(SHOP, opening(3), onCall()))).toBe('warn break-glass');
    await settled();
    expect(await bad()).toBe('warn critical');
    expect(await seen(patch(SHOP, { metadata: { labels: { team: 'web' } } }))).toBe('allow');
    await settled();
    expect(await bad()).toBe('warn critical');
    expect(await seen(patch(SHOP, CLOSING))).toBe('allow');
    await settled();
    expect(await bad()).toBe('deny critical');
  });

  /** A review that no API server sent, by the path of a cluster. */
  const forged = async (of: Cluster, path: string, { closes = false } = {}): Promise<number> => {
    const { metadata } = opening(4);
    const [open, plain] = [{ metadata: { ...metadata, name: 'shop' } }, { metadata: { name: 'shop' } }];
    const review = reviewOf({
      ...{ uid: `forged-${performance.now()}`, kind: { group: '', version: 'v1', kind: 'Namespace' } },
      ...{ operation: 'UPDATE', name: 'shop', userInfo: { username: 'jo', groups: ['platform-on-call'] } },
      ...(closes ? { object: plain, oldObject: open } : { object: open, oldObject: plain }),
    });
    return cluster.webhook.post(`/${path}/${of.account}/${of.cluster}`, review);
  };

  test('that is forged with the URL of another cluster gets 404', async () => {
    const dev = { ...CLUSTER, cluster: 'dev' };
    const path = cluster.signature('namespaces', dev);
    expect(await forged(CLUSTER, path)).toBe(404);
    expect(await forged(dev, cluster.signature('namespaces'))).toBe(404);
    await settled();
    expect(await bad()).toBe('deny critical');
  });

  test('that is forged with the URL of the cluster opens nothing, and closes nothing', async () => {
    const path = cluster.signature('namespaces');
    expect(await forged(CLUSTER, path)).toBe(200);
    await settled();
    expect(await bad()).toBe('deny critical');
    expect(await seen(patch(SHOP, opening(3), onCall()))).toBe('warn break-glass');
    await settled();
    expect(await forged(CLUSTER, path, { closes: true })).toBe(200);
    await settled();
    expect(await bad()).toBe('warn critical');
    expect(await seen(patch(SHOP, CLOSING))).toBe('allow');
  });

  test('cannot be set past the review, through a subresource', async () => {
    for (const subresource of ['status', 'finalize']) {
      const { body } = await developer().send('GET', SHOP);
      const metadata = { ...(body as { metadata: object }).metadata, ...opening().metadata };
      expect(await seen(developer().send('PUT', `${SHOP}/${subresource}`, { ...body, metadata }))).toBe(
        'deny break-glass',
      );
    }
  });

  test('ends with its namespace', async () => {
    const place = { ...CLUSTER, namespace: 'short' };
    await cluster.server.admin.ensureNamespace('short');
    expect(await seen(patch('/api/v1/namespaces/short', opening(), onCall()))).toBe('warn break-glass');
    await settled();
    expect(await world.exceptions.breakGlassOf(place)).toBeDefined();
    expect(await seen(patch('/api/v1/namespaces/short', CLOSING))).toBe('allow');
    expect(await seen(developer().send('DELETE', '/api/v1/namespaces/short'))).toBe('allow');
    await settled();
    expect(await world.exceptions.breakGlassOf(place)).toBeUndefined();
  });

  test('comes with a new namespace only for whom the policy names', async () => {
    const { metadata } = opening();
    const send = (by: KubernetesClient) =>
      by.send('POST', '/api/v1/namespaces', {
        ...{ apiVersion: 'v1', kind: 'Namespace', metadata: { ...metadata, name: 'opened' } },
      });
    expect(await seen(send(developer()))).toBe('deny break-glass');
    expect(await seen(send(onCall()))).toBe('warn break-glass');
  });
});

describe('a way around the door', () => {
  beforeAll(async () => {
    await useWorld();
    for (const name of ['kept', 'applied']) expect(await seen(create('shop', pod(name, GOOD)))).toBe('allow');
  });
  const apply = (name: string) => (image: string) => {
    const path = `${pods('shop', name)}?fieldManager=person&force=true&dryRun=All`;
    return patch(path, pod(name, image), developer(), 'application/apply-patch+yaml');
  };
  async function replace(image: string) {
    const { body } = await developer().send('GET', pods('shop', 'kept'));
    const { spec } = body as unknown as ReturnType<typeof pod>;
    const changed = { ...body, spec: { ...spec, containers: [{ ...spec.containers[0], image }] } };
    return developer().send('PUT', `${pods('shop', 'kept')}?dryRun=All`, changed);
  }
  const debug = (image: string) =>
    patch(`${pods('shop', 'kept')}/ephemeralcontainers?dryRun=All`, {
      spec: { ephemeralContainers: [{ name: 'debugger', image, targetContainerName: 'web' }] },
    });
  const withMetadata = (image: string, metadata: object, more: object = {}) =>
    developer().send('POST', `${pods('shop')}?dryRun=All`, { ...pod('', image, more), metadata });
  const update = (type: string, change: (image: string) => object) => (image: string) =>
    patch(`${pods('shop', 'kept')}?dryRun=All`, change(image), developer(), type);
  const setImage = (image: string) => ({ spec: { containers: [{ name: 'web', image }] } });
  const replaceImage = (value: string) => [{ op: 'replace', path: '/spec/containers/0/image', value }];
  const thirty = (image: string) =>
    Array.from({ length: 30 }, (_, at) => ({ name: `c${at}`, image: at < 29 ? GOOD : image }));
  const MIRROR = { name: 'static', annotations: { 'kubernetes.io/config.mirror': 'x' } };

  test.each<[string, (image: string) => Promise<PersonAnswer>]>([
    ['kubectl debug', debug],
    ['kubectl set image', update(STRATEGIC, setImage)],
    ['a JSON patch', update('application/json-patch+json', replaceImage)],
    ['kubectl replace', replace],
    ['a server-side apply of a new pod', apply('new')],
    ['a server-side apply of a pod that runs', apply('applied')],
    ['a name that the server makes up', (image) => withMetadata(image, { generateName: 'web-' })],
    ['an image volume', (image) => tried('shop', GOOD, { volumes: [{ name: 'model', image: { reference: image } }] })],
    ['an init container', (image) => tried('shop', GOOD, { initContainers: [{ name: 'init', image }] })],
    [
      'a sidecar',
      (image) => tried('shop', GOOD, { initContainers: [{ name: 'mesh', image, restartPolicy: 'Always' }] }),
    ],
    ['the last of 30 containers', (image) => tried('shop', GOOD, { containers: thirty(image) })],
    ['the mirror of a static pod, by a person', (image) => withMetadata(image, MIRROR, { nodeName: 'a' })],
    ['a Windows pod', (image) => tried('shop', image, { os: { name: 'windows' } })],
    ['a tag that lies', (image) => tried('shop', image.replace(/(?::\w+)?@/, ':good@'))],
  ])('%s: a refused image is refused, and a good one is not', async (_, ask) => {
    expect(await seen(ask(BAD))).toBe('deny critical');
    expect(await seen(ask(GOOD.replace('@', ':other@')))).toBe('allow');
  });

  test('a namespace whose labels somebody removes is still the one of the policy', async () => {
    const path = '/api/v1/namespaces/plain';
    await patch(path, { metadata: { labels: null } }, developer(), MERGE);
    expect(await seen(tried('plain', BAD))).toBe('deny critical');
    await patch(path, { metadata: { labels: { 'kubernetes.io/metadata.name': 'lab' } } });
    expect(await seen(tried('plain', BAD))).toBe('deny critical');
  });

  test.each(['resize', 'status', 'binding', 'eviction', 'scale'])(
    '%s changes no image of a pod',
    async (subresource) => {
      await patch(`${pods('shop', 'kept')}/${subresource}`, setImage(BAD));
      const { body } = await developer().send('GET', pods('shop', 'kept'));
      const { spec } = body as unknown as ReturnType<typeof pod>;
      expect(spec.containers.map(({ image }) => image)).toEqual([GOOD]);
    },
  );

  test.each(['apps', 'batch'])(
    'no kind of the group %s has a version that the configuration does not name',
    async (group) => {
      const { versions } = (await developer().send('GET', `/apis/${group}`)).body as {
        versions?: { version: string }[];
      };
      expect(versions?.map(({ version }) => version)).toEqual(['v1']);
    },
  );

  test('a Deployment that is scaled asks nothing', async () => {
    const path = '/apis/apps/v1/namespaces/shop/deployments';
    expect(await seen(developer().send('POST', path, deployment('web', BAD)))).toBe('warn critical');
    const before = cluster.webhook.asked.length;
    expect(await seen(patch(`${path}/web/scale`, { spec: { replicas: 3 } }, developer(), MERGE))).toBe('allow');
    expect(await seen(patch(`${path}/web`, { spec: { replicas: 2 } }))).toBe('allow');
    expect(cluster.webhook.asked.length).toBe(before);
  });
});

describe('a new node', () => {
  const EVERYWHERE = { mode: 'deny', rules: [] } as const;
  const WITH_ADD_ONS = { mode: 'deny', rules: [{ namespaces: ['kube-system', 'karpenter'], mode: 'deny' }] } as const;
  const start = (one: Parameters<typeof podOf>[0]) => create(one.namespace, podOf(one));
  const use = async (doors: object): Promise<void> => {
    world = await doorWorld('deny', doors);
    const { policy: plain, version: replaces } = await world.policies.current();
    const policy = { ...plain, awsManaged: documented };
    await world.policies.publish(policy, { replaces });
    cluster.webhook.ports = portsOf(world);
    await cluster.configure(policy);
  };
  const { accounts, references } = documentedAwsManaged();
  const documented = { accounts: [...accounts], references: [...references] };

  beforeAll(() => cluster.server.admin.ensureNamespace('karpenter'));

  describe('where the door of kube-system is off, because no rule names it', () => {
    beforeAll(() => use(EVERYWHERE));

    test('starts each of its pods while the webhook is down, and nothing else starts', async () => {
      await cluster.webhook.stop();
      try {
        for (const { pod: one } of [...NODE_PODS, ...OTHER_PODS]) expect(await seen(start(one))).toBe('allow');
        expect(await seen(tried('shop', GOOD))).toBe('failed');
      } finally {
        await cluster.webhook.start();
      }
    });

    test('starts any image in kube-system, and a violating one in no other namespace', async () => {
      expect(await seen(tried('kube-system', BAD))).toBe('allow');
      expect(await seen(tried('shop', BAD))).toBe('deny critical');
    });
  });

  describe('where a rule has the door of kube-system deny', () => {
    beforeAll(() => use(WITH_ADD_ONS));

    test.each(NODE_PODS)('starts $title', async ({ pod: one }) => {
      expect(await seen(start(one))).toBe('allow');
    });

    test.each(OTHER_PODS)('does not start $title, which is not of AWS', async ({ pod: one }) => {
      expect(await seen(start(one))).toMatch(/^deny /);
    });

    test.each([
      ['a violating image', BAD, 'deny critical'],
      ['a tag', GOOD.replace(/@.*/, ':1'), 'deny digest-required'],
      ['an image that Patchwave does not know', doorImage('unknown'), 'deny image-recorded'],
    ])('does not start %s of our own in kube-system', async (_, image, expected) => {
      expect(await seen(tried('kube-system', image))).toBe(expected);
      expect(await seen(tried('kube-system', GOOD))).toBe('allow');
    });
  });
});

describe('a door that writes the digests of tags', () => {
  const PINNING = { mode: 'deny', pinTags: true } as const;
  const [TAG, BAD_TAG] = [doorTag('compliant'), doorTag('violating')];
  const PINNED = `${TAG}${GOOD.replace(/.*@/, '@')}`;
  const imageIn = ({ body }: PersonAnswer): string | undefined =>
    (body as Partial<ReturnType<typeof pod>>).spec?.containers[0]?.image;

  beforeAll(async () => {
    world = await doorWorld('deny', PINNING);
    for (const name of ['compliant', 'violating']) await pushTag(world, name);
    cluster.webhook.ports = portsOf(world);
    await cluster.configure(doorPolicy(PINNING));
    for (const end = Date.now() + 30_000; imageIn(await tried('shop', TAG)) !== PINNED; await sleep(50))
      if (Date.now() > end) throw new Error('the digest is not written after 30 s');
  });

  /** What the controllers of a Deployment send: a ReplicaSet of its template, and a pod of that. */
  async function deployed(name: string, image: string) {
    const sent = deployment(name, image);
    const apps = '/apis/apps/v1/namespaces/shop';
    expect((await developer().send('POST', `${apps}/deployments`, sent)).status).toBe(201);
    const { template, selector } = sent.spec;
    const metadata = { name: `${name}-5d4f`, labels: template.metadata.labels };
    const set = { ...sent, kind: 'ReplicaSet', metadata, spec: { replicas: 1, selector, template } };
    const stored = await developer().send('POST', `${apps}/replicasets`, set);
    const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: metadata.name, controller: true };
    const { uid } = stored.body.metadata as { readonly uid: string };
    const started = await create('shop', {
      ...pod('', image),
      metadata: { generateName: `${metadata.name}-`, ownerReferences: [{ ...owner, uid }] },
    });
    const templates = ['deployments', 'replicasets'].map(async (kind) => {
      const { body } = await developer().send(
        'GET',
        `${apps}/${kind}/${kind === 'deployments' ? name : metadata.name}`,
      );
      return (body as unknown as ReturnType<typeof deployment>).spec.template.spec.containers[0]?.image;
    });
    return { started, templates: await Promise.all(templates) };
  }

  test('starts the verified digest of a moving tag, and the templates keep the tag', async () => {
    const { started, templates } = await deployed('moving', TAG);
    expect([started.status, imageIn(started)]).toEqual([201, PINNED]);
    expect(templates).toEqual([TAG, TAG]);
  });

  test('starts nothing that the ledger knows to violate', async () => {
    const { started, templates } = await deployed('violating', BAD_TAG);
    expect(await seen(started)).toBe('deny critical');
    expect(templates).toEqual([BAD_TAG, BAD_TAG]);
  });

  test('follows a push, and writes no digest of another tag', async () => {
    await pushTag(world, 'web', { image: 'violating', atEpochMs: world.clock() - 1 });
    expect(await seen(tried('shop', doorTag('web')))).toBe('deny critical');
    await pushTag(world, 'web', { image: 'compliant' });
    await pushTag(world, 'web', { image: 'violating', tag: 'next' });
    expect(imageIn(await tried('shop', doorTag('web')))).toBe(`${doorTag('web')}${GOOD.replace(/.*@/, '@')}`);
    expect(await seen(tried('shop', doorTag('web', 'next')))).toBe('deny critical');
    expect(await seen(tried('shop', doorTag('web', 'unseen')))).toBe('deny digest-required');
  });

  test('writes it into init containers, sidecars and debug containers, and leaves what runs as it is', async () => {
    const initContainers = [
      { name: 'i', image: TAG },
      { name: 's', image: TAG, restartPolicy: 'Always' },
    ];
    const started = await create('shop', pod('all-lists', TAG, { initContainers }));
    const images = (one: PersonAnswer, list: string) =>
      ((one.body.spec as Readonly<Record<string, readonly { image: string }[]>>)[list] ?? []).map(({ image }) => image);
    expect(images(started, 'initContainers')).toEqual([PINNED, PINNED]);
    const debugged = await patch(`${pods('shop', 'all-lists')}/ephemeralcontainers`, {
      spec: { ephemeralContainers: [{ name: 'debugger', image: TAG, targetContainerName: 'web' }] },
    });
    expect([debugged.status, images(debugged, 'ephemeralContainers')]).toEqual([200, [PINNED]]);
    expect(images(debugged, 'containers')).toEqual([PINNED]);
    const labelled = await patch(pods('shop', 'all-lists'), { metadata: { labels: { a: 'b' } } });
    expect(labelled.status).toBe(200);
  });

  test('asks for pods that name a tag alone, by a path of its own', async () => {
    const before = cluster.webhook.asked.length;
    await tried('shop', GOOD);
    const uses = (from: number) => cluster.webhook.asked.slice(from).map(({ secret }) => secret);
    expect(uses(before)).toEqual([cluster.signature('pods')]);
    const then = cluster.webhook.asked.length;
    await tried('shop', TAG);
    expect(uses(then)).toEqual([cluster.signature('tags'), cluster.signature('pods')]);
  });

  test('refuses a tag while the digest cannot be read', async () => {
    const { policies } = portsOf(world);
    const policy = (await policies.current()).policy;
    const images = { get: () => Promise.reject(new Error('throttled')) };
    cluster.webhook.ports = { ...portsOf(world), images, lastPolicy: () => policy };
    expect(await seen(tried('shop', TAG))).toBe('deny door-undecided');
    cluster.webhook.ports = portsOf(world);
  });
});

describe('with the API server away', () => {
  test('a person with rights on the ledger opens a namespace', async () => {
    await useWorld();
    await cluster.server.stop();
    const review = reviewOf({ uid: 'away', namespace: 'shop', object: pod('web', BAD) });
    const ask = async () => {
      const { response } = await cluster.webhook.reviewed(
        `/${cluster.signature('pods')}/${CLUSTER.account}/${CLUSTER.cluster}`,
        review,
      );
      return response.allowed;
    };
    expect(await ask()).toBe(false);
    const place = `${CLUSTER.account}/${CLUSTER.region}/${CLUSTER.cluster}/shop`;
    const { code } = await run(doorsCommand, cliContext(world), ['open', place], { for: '1h', reason: 'incident 7' });
    expect(code).toBe(0);
    expect(await ask()).toBe(true);
  });
});
