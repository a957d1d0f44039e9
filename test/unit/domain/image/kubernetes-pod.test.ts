import {
  type ClusterObjects,
  controllerIn,
  digestInImageId,
  LONGEST,
  NamedSince,
  nodeFacts,
  type OwnerEntry,
  ownedFacts,
  type Pod,
  podFacts,
  podTask,
} from '../../../../shared/domain/image/kubernetes-pod.ts';
import { readImageReference } from '../../../../shared/domain/image/reference.ts';
import type { RunningContainer, RunningTask } from '../../../../shared/domain/image/usage.ts';
import {
  hasClusterScope,
  isService,
  kubernetesService,
  serviceNameOf,
} from '../../../../shared/domain/image/workload-kind.ts';
import { digestOf } from '../../../support/samples.ts';
import { fc } from '../../../support/seeded.ts';

const [a, b] = [digestOf('a'), digestOf('b')];
const NOTHING: ClusterObjects = {
  controllerOf: () => undefined,
  namedFrom: () => undefined,
  architectureOf: () => undefined,
};
const taskOf = (pod: Pod, objects: ClusterObjects): RunningTask | undefined => {
  const facts = podFacts(pod);
  return facts && podTask(facts, objects);
};

test.each<[string, string | undefined, string | undefined]>([
  ['containerd and CRI-O', `123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/web@${a}`, a],
  ['a repository with a port', `registry.local:5000/shop/web@${a}`, a],
  ['dockershim, cri-dockerd', `docker-pullable://docker.io/library/nginx@${a}`, a],
  ['a local image of Docker: the id of a config', `docker://${a}`, undefined],
  ['a side-loaded image: the id of a config', a, undefined],
  ['before the pull', '', undefined],
  ['no status at all', undefined, undefined],
  ['another algorithm', `web@sha512:${'0'.repeat(128)}`, undefined],
  ['upper case', `web@sha256:${'A'.repeat(64)}`, undefined],
  ['two digests', `web@${a}@${b}`, undefined],
  ['no repository', `@${a}`, undefined],
])('imageID of %s', (_, imageId, expected) => {
  expect(digestInImageId(imageId)).toBe(expected);
});

test('only text behind a repository and one @ is ever taken for a digest', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const digest = digestInImageId(text);
      return digest === undefined || text.endsWith(`@${digest}`);
    }),
  );
});

const pod = (changes: { spec?: Pod['spec']; status?: Pod['status']; owner?: OwnerEntry } = {}): Pod => ({
  metadata: {
    name: 'web-5d8f7-x2x',
    namespace: 'shop',
    ...(changes.owner && { ownerReferences: [{ uid: 'u1', controller: true, ...changes.owner }] }),
  },
  spec: { containers: [{ name: 'app', image: 'web:1' }], ...changes.spec },
  status: { phase: 'Running', containerStatuses: [{ name: 'app', imageID: `web@${a}` }], ...changes.status },
});

test.each<[string, Pod, readonly RunningContainer[]]>([
  ['a container, by its runtime', pod(), [{ name: 'app', image: 'web:1', digest: a }]],
  [
    'a container that is not pulled yet',
    pod({ status: { phase: 'Pending', containerStatuses: [{ name: 'app', imageID: '' }] } }),
    [{ name: 'app', image: 'web:1' }],
  ],
  [
    'a pod without a node',
    pod({ status: { phase: 'Pending', containerStatuses: [] } }),
    [{ name: 'app', image: 'web:1' }],
  ],
  [
    'init containers and sidecars, also when they have ended',
    pod({
      spec: {
        containers: [],
        initContainers: [
          { name: 'migrate', image: 'tool:1' },
          { name: 'proxy', image: 'envoy:1' },
        ],
      },
      status: {
        phase: 'Running',
        initContainerStatuses: [
          { name: 'proxy', imageID: `envoy@${b}` },
          { name: 'migrate', imageID: `tool@${a}`, state: { terminated: {} } },
        ],
      },
    }),
    [
      { name: 'migrate', image: 'tool:1', digest: a },
      { name: 'proxy', image: 'envoy:1', digest: b },
    ],
  ],
  [
    'ephemeral containers that have not ended',
    pod({
      spec: {
        containers: [],
        ephemeralContainers: [
          { name: 'debug-1', image: 'busybox' },
          { name: 'debug-2', image: 'busybox' },
        ],
      },
      status: {
        phase: 'Running',
        ephemeralContainerStatuses: [
          { name: 'debug-1', imageID: `busybox@${a}`, state: { terminated: {} } },
          { name: 'debug-2', imageID: `busybox@${b}` },
        ],
      },
    }),
    [{ name: 'debug-2', image: 'busybox', digest: b }],
  ],
  [
    'an image volume, of which a cluster knows only the reference',
    pod({
      spec: { containers: [], volumes: [{ name: 'model', image: { reference: 'models/llm:3' } }, { name: 'tmp' }] },
    }),
    [{ name: 'volume:model', image: 'models/llm:3' }],
  ],
  [
    'an image volume with a digest',
    pod({
      spec: {
        containers: [{ name: 'app', image: 'web:1' }],
        volumes: [{ name: 'model', image: { reference: 'models/llm:3' } }],
      },
      status: {
        phase: 'Running',
        containerStatuses: [
          {
            name: 'app',
            imageID: `web@${a}`,
            volumeMounts: [
              { name: 'tmp' },
              { name: 'model', volumeStatus: { image: { imageRef: `models/llm@${b}` } } },
            ],
          },
        ],
      },
    }),
    [
      { name: 'app', image: 'web:1', digest: a },
      { name: 'volume:model', image: 'models/llm:3', digest: b },
    ],
  ],
  [
    'an image volume whose digest only an init container reports',
    pod({
      spec: { containers: [], volumes: [{ name: 'model', image: { reference: 'models/llm:3' } }] },
      status: {
        phase: 'Pending',
        initContainerStatuses: [
          {
            name: 'init',
            volumeMounts: [{ name: 'model', volumeStatus: { image: { imageRef: `models/llm@${b}` } } }],
          },
        ],
      },
    }),
    [{ name: 'volume:model', image: 'models/llm:3', digest: b }],
  ],
  [
    'the reference of the pod with the digest of the runtime, whatever repository that names',
    pod({ status: { phase: 'Running', containerStatuses: [{ name: 'app', imageID: `mirror.example/other@${a}` }] } }),
    [{ name: 'app', image: 'web:1', digest: a }],
  ],
])('%s', (_, one, containers) => {
  expect(taskOf(one, NOTHING)?.containers).toEqual(containers);
});

test.each(['Succeeded', 'Failed'])('a pod whose phase is %s runs nothing', (phase) => {
  expect(taskOf(pod({ status: { phase } }), NOTHING)).toBeUndefined();
});

test.each(['Pending', 'Running', 'Unknown', undefined])('a pod whose phase is %s counts', (phase) => {
  expect(taskOf(pod({ status: { ...(phase && { phase }) } }), NOTHING)).toBeDefined();
});

test('a pod runs on the architecture of its node, and on an unknown one without it', () => {
  const objects = { ...NOTHING, architectureOf: (node: string) => ({ 'node-1': 'arm64' })[node] };
  expect(taskOf(pod({ spec: { nodeName: 'node-1' } }), objects)).toMatchObject({ architecture: 'arm64' });
  expect(taskOf(pod({ spec: { nodeName: 'node-2' } }), objects)).not.toHaveProperty('architecture');
  expect(taskOf(pod(), objects)).not.toHaveProperty('architecture');
});

const apps = (kind: string, name = 'web'): OwnerEntry => ({ apiVersion: 'apps/v1', kind, name });
const replicaSet = apps('ReplicaSet', 'web-5d8f7');

test.each<[string, OwnerEntry | undefined, OwnerEntry | undefined, string]>([
  ['a Deployment, through its ReplicaSet', replicaSet, apps('Deployment'), 'eks-deployment shop/web'],
  ['a ReplicaSet of its own', replicaSet, undefined, 'eks-replicaset shop/web-5d8f7'],
  ['a StatefulSet', apps('StatefulSet', 'db'), undefined, 'eks-statefulset shop/db'],
  ['a DaemonSet', apps('DaemonSet', 'agent'), undefined, 'eks-daemonset shop/agent'],
  ['a Job', { apiVersion: 'batch/v1', kind: 'Job', name: 'load' }, undefined, 'eks-job shop/load'],
  [
    'a CronJob, through its Job',
    { apiVersion: 'batch/v1', kind: 'Job', name: 'load-29' },
    { apiVersion: 'batch/v1', kind: 'CronJob', name: 'load' },
    'eks-cronjob shop/load',
  ],
  [
    'a Rollout of Argo, through its ReplicaSet',
    replicaSet,
    { apiVersion: 'argoproj.io/v1alpha1', kind: 'Rollout', name: 'web' },
    'eks-custom shop/Rollout.argoproj.io/web',
  ],
  [
    'a custom owner of pods',
    { apiVersion: 'kubeflow.org/v1', kind: 'PyTorchJob', name: 'train' },
    undefined,
    'eks-custom shop/PyTorchJob.kubeflow.org/train',
  ],
  [
    'an owner in the core group',
    { apiVersion: 'v1', kind: 'ReplicationController', name: 'old' },
    undefined,
    'eks-custom shop/ReplicationController/old',
  ],
  [
    'a Deployment of another group',
    { apiVersion: 'example.com/v1', kind: 'Deployment', name: 'web' },
    undefined,
    'eks-custom shop/Deployment.example.com/web',
  ],
  ['a bare pod', undefined, undefined, 'eks-pod shop/web-5d8f7-x2x'],
  [
    'a static pod of a node',
    { apiVersion: 'v1', kind: 'Node', name: 'ip-10' },
    undefined,
    'eks-pod shop/web-5d8f7-x2x',
  ],
  [
    'an owner of the kind Node of another group',
    { apiVersion: 'example.com/v1', kind: 'Node', name: 'x' },
    undefined,
    'eks-custom shop/Node.example.com/x',
  ],
  [
    'an owner with a group that no object has',
    { apiVersion: `${'g'.repeat(300)}/v1`, kind: 'Thing', name: 'x' },
    undefined,
    'eks-pod shop/web-5d8f7-x2x',
  ],
  ['an owner that does not control it', { ...replicaSet, controller: false }, undefined, 'eks-pod shop/web-5d8f7-x2x'],
  ['an owner without a name', { apiVersion: 'apps/v1', kind: 'ReplicaSet' }, undefined, 'eks-pod shop/web-5d8f7-x2x'],
  [
    'an owner with a name that no object has',
    apps('StatefulSet', 'x'.repeat(5000)),
    undefined,
    'eks-pod shop/web-5d8f7-x2x',
  ],
])('the workload of %s', (_, owner, top, expected) => {
  const controller = top && controllerIn({ ownerReferences: [{ controller: true, ...top }] });
  const objects = { ...NOTHING, controllerOf: (uid: string) => (uid === 'u1' ? controller : undefined) };
  const task = taskOf(pod({ ...(owner && { owner }) }), objects);
  expect(`${task?.workloadKind} ${task?.workload}`).toBe(expected);
  const isDeployed = /^eks-(deployment|statefulset|daemonset) /.test(expected);
  const placed = task && { ...task, account: '111122223333', region: 'eu-west-1', cluster: 'prod' };
  expect(placed && isService(placed, { eks: true })).toBe(isDeployed);
  expect(placed && isService(placed, { eks: false })).toBe(false);
  const deployed = task && kubernetesService(serviceNameOf(task));
  expect(deployed && `eks-${deployed.kind.toLowerCase()} ${deployed.namespace}/${deployed.name}`).toBe(
    isDeployed ? expected : undefined,
  );
  expect(task && hasClusterScope(task)).toBe(true);
});

const LONGEST_KEY_BYTES = 1024;

test('whatever an owner is named, the workload fits into a key, and keeps its namespace', () => {
  const name = fc.string({ maxLength: 600, unit: 'grapheme' });
  fc.assert(
    fc.property(name, name, name, (apiVersion, kind, owner) => {
      const task = taskOf(pod({ owner: { apiVersion, kind, name: owner } }), NOTHING);
      return Buffer.byteLength(task?.workload ?? '') < LONGEST_KEY_BYTES - 300 && task?.workload.startsWith('shop/');
    }),
  );
});

test('an owner that does not say that it controls the pod is not its workload', () => {
  const ownerReferences = [{ apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'db', uid: 'u1' }];
  const one = { ...pod(), metadata: { namespace: 'shop', name: 'web-0', ownerReferences } };
  expect(taskOf(one, NOTHING)).toMatchObject({ workloadKind: 'eks-pod', workload: 'shop/web-0' });
});

test('an empty document is a pod of its own, and breaks nothing', () => {
  expect(taskOf({}, NOTHING)).toEqual({ workloadKind: 'eks-pod', workload: '/', containers: [] });
});

test('the facts of a pod hold its images, and nothing else of its containers', () => {
  const secret = { env: [{ name: 'PASSWORD', value: 'secret' }], args: ['--token=secret'] };
  const one = pod({
    spec: { nodeName: 'node-1', containers: [{ name: 'app', image: 'web:1', ...secret }] },
    owner: { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'web' },
  });
  expect(podFacts({ ...one, metadata: { ...one.metadata, creationTimestamp: '2026-11-01T00:00:00Z' } })).toEqual({
    ...{ namespace: 'shop', name: 'web-5d8f7-x2x', node: 'node-1' },
    createdAtEpochMs: Date.parse('2026-11-01T00:00:00Z'),
    owner: { group: 'apps', kind: 'StatefulSet', name: 'web', uid: 'u1' },
    containers: [{ name: 'app', image: 'web:1', digest: a }],
  });
  expect(podFacts(pod())).not.toHaveProperty('createdAtEpochMs');
});

test('a ReplicaSet without a controller, and a node without an architecture, add no facts', () => {
  const owner = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: 'u2' };
  const owned = { name: 'web-1', uid: 'u1', ownerReferences: [{ ...owner, controller: true }] };
  expect(ownedFacts(owned)).toEqual({
    uid: 'u1',
    owner: { group: 'apps', kind: 'Deployment', name: 'web' },
    ownerUid: 'u2',
  });
  expect(ownedFacts({ ...owned, creationTimestamp: '2026-11-01T00:00:00Z' })?.createdAtEpochMs).toBe(
    Date.parse('2026-11-01T00:00:00Z'),
  );
  expect(ownedFacts({ ...owned, ownerReferences: [owner] })).toBeUndefined();
  expect(ownedFacts({ ...owned, uid: '' })).toBeUndefined();
  expect(nodeFacts({ name: 'node-1', labels: { 'kubernetes.io/arch': 'arm64', zone: 'a' } })).toEqual({
    ...{ name: 'node-1', architecture: 'arm64' },
  });
  expect(nodeFacts({ name: 'node-1' })).toBeUndefined();
});

test.each([
  ['the first of a Deployment', { 'deployment.kubernetes.io/revision': '1' }, 1],
  ['a later one', { 'deployment.kubernetes.io/revision': '12' }, 12],
  [
    'one that a rollback used again',
    { 'deployment.kubernetes.io/revision': '3', 'deployment.kubernetes.io/revision-history': '1' },
    undefined,
  ],
  ['one with hostile text', { 'deployment.kubernetes.io/revision': '1e999' }, undefined],
  ['one of another controller', {}, undefined],
])('the revision of %s', (_, annotations, expected) => {
  const ownerReferences = [{ controller: true, apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: 'web' }];
  expect(ownedFacts({ uid: 'rs', annotations, ownerReferences })?.revision).toBe(expected);
});

test.each<[string, string, number | undefined]>([
  ['a ReplicaSet since the reading before', 'new', 200],
  ['a ReplicaSet of a template that changed again, which may have the same images', 'newer', 200],
  ['a ReplicaSet of before, which may be scaled up again at any time', 'old', undefined],
  ['the first ReplicaSet of another Deployment', 'other', 400],
  ['a ReplicaSet whose Deployment deleted the one before', 'kept', undefined],
  ['a ReplicaSet without a revision, and a Job', 'job', undefined],
  ['a ReplicaSet whose creation is unknown', 'undated', undefined],
  ['a ReplicaSet of a controller without uid', 'unowned', undefined],
  ['nothing that is known', 'none', undefined],
])('since when a pod is named by %s', (_, uid, expected) => {
  const owner = { group: 'apps', kind: 'Deployment', name: 'web' };
  const named = new NamedSince(100);
  const owned: [string, number | undefined, string | undefined, number | undefined][] = [
    ['newer', 300, 'web', 9],
    ['new', 200, 'web', 8],
    ['old', 100, 'web', 7],
    ['undated', undefined, 'web', undefined],
    ['other', 400, 'api', 1],
    ['kept', 300, 'pruned', 9],
    ['of before', 50, 'pruned', 7],
    ['job', 200, 'nightly', undefined],
    ['unowned', 200, undefined, 1],
  ];
  for (const [own, createdAtEpochMs, ownerUid, revision] of owned)
    named.add({
      ...{ uid: own, owner },
      ...(createdAtEpochMs !== undefined && { createdAtEpochMs }),
      ...(ownerUid !== undefined && { ownerUid }),
      ...(revision !== undefined && { revision }),
    });
  expect(named.of(uid)).toBe(expected);
  const task = taskOf(pod({ owner: { ...replicaSet, uid } }), { ...NOTHING, namedFrom: (one) => named.of(one) });
  expect(task?.notBeforeEpochMs).toBe(expected);
  expect(new NamedSince().of(uid)).toBeUndefined();
});

test('the age of a pod without a controller does not say since when its place has its images', () => {
  const metadata = { namespace: 'shop', name: 'debug', creationTimestamp: '2026-11-20T12:00:00Z' };
  expect(taskOf({ metadata }, NOTHING)?.notBeforeEpochMs).toBeUndefined();
});

test('no text in the facts is longer than Kubernetes allows, and a reference that is cut stays invalid', () => {
  const long = 'x'.repeat(100_000);
  const owner = { apiVersion: `${long}/v1`, kind: long, name: long, uid: long, controller: true };
  const metadata = { namespace: long, name: long, uid: long, ownerReferences: [owner] };
  const spec = { nodeName: long, containers: [{ name: long, image: long }] };
  const facts = podFacts({ metadata, spec });
  expect(JSON.stringify([facts, ownedFacts(metadata)]).length).toBeLessThan(10_000);
  expect(facts?.containers.map(({ image }) => image?.length)).toEqual([LONGEST.image]);
  expect(readImageReference(facts?.containers[0]?.image)).toBeUndefined();
});

test('a text that is cut ends with no half of a character', () => {
  const image = `x${'\u{1F433}'.repeat(LONGEST.image)}`;
  const facts = podFacts({ metadata: { name: 'a' }, spec: { containers: [{ name: 'app', image }] } });
  expect(facts?.containers[0]?.image?.isWellFormed()).toBe(true);
  expect(facts?.containers[0]?.image).toHaveLength(LONGEST.image);
});

/** Every copy of a document in which one value is `null`. */
function* withNull(value: unknown): Generator<unknown> {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    const copy = (changed: unknown): unknown =>
      Array.isArray(value) ? value.with(Number(key), changed) : { ...value, [key]: changed };
    yield copy(null);
    for (const changed of withNull(inner)) yield copy(changed);
  }
}

test('a field that is null counts as missing, wherever it is', () => {
  const full: Pod = {
    metadata: {
      ...{ name: 'web-1', namespace: 'shop', uid: 'u', creationTimestamp: '2026-11-01T00:00:00Z', labels: { a: 'b' } },
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'web', uid: 'u1', controller: true }],
    },
    spec: {
      nodeName: 'node-1',
      containers: [{ name: 'app', image: 'web:1' }],
      initContainers: [{ name: 'init', image: 'web:1' }],
      ephemeralContainers: [{ name: 'debug', image: 'web:1' }],
      volumes: [{ name: 'model', image: { reference: 'models/llm:3' } }],
    },
    status: {
      phase: 'Running',
      containerStatuses: [
        {
          ...{ name: 'app', imageID: `web@${a}`, state: { terminated: {} } },
          volumeMounts: [{ name: 'model', volumeStatus: { image: { imageRef: `models/llm@${b}` } } }],
        },
      ],
      initContainerStatuses: [{ name: 'init', imageID: `web@${a}` }],
      ephemeralContainerStatuses: [{ name: 'debug', imageID: `web@${a}`, state: { terminated: {} } }],
    },
  };
  const documents = [...withNull(full)];
  expect(documents.length).toBeGreaterThan(40);
  for (const one of documents as Pod[]) {
    const task = taskOf(one, { ...NOTHING, architectureOf: () => 'arm64' });
    expect(task?.workload).toEqual(expect.any(String));
    for (const { name, image = '', digest = a } of task?.containers ?? [])
      expect([typeof name, typeof image, digest === a || digest === b]).toEqual(['string', 'string', true]);
  }
});
