import {
  imagePatch,
  type KubernetesWorkload,
  longerMs,
  obstaclesOf,
  progressOf,
  restartPatch,
  revisionId,
  rolloutBegunAtEpochMs,
  templateId,
  templateImages,
  type WorkloadMetadata,
} from '../../../../shared/domain/rollout/kubernetes-workload.ts';

type Status = NonNullable<KubernetesWorkload['status']>;
type Spec = NonNullable<KubernetesWorkload['spec']>;

const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'app', image: 'app:v1' }] } };
const workload = (status: Status, spec: Spec = {}, metadata: WorkloadMetadata = {}): KubernetesWorkload => ({
  metadata: { namespace: 'shop', name: 'web', uid: 'uid', generation: 3, ...metadata },
  spec: { replicas: 2, template, ...spec },
  status: { observedGeneration: 3, ...status },
});

const ALL = { replicas: 2, updatedReplicas: 2, availableReplicas: 2 };
const LATE = { type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded', message: 'timed out' };
const ENDED = { type: 'Progressing', status: 'True', reason: 'NewReplicaSetAvailable' };
const QUOTA = { type: 'ReplicaFailure', status: 'True', message: 'exceeded quota' };

test.each<[string, 'Deployment' | 'StatefulSet' | 'DaemonSet', KubernetesWorkload, string, string?]>([
  ['all pods are new and available', 'Deployment', workload(ALL), 'completed'],
  [
    'its controller has not seen the template',
    'Deployment',
    workload({ ...ALL, observedGeneration: 2 }),
    'in-progress',
  ],
  ['it has no status yet', 'Deployment', { metadata: { generation: 1 } }, 'in-progress'],
  [
    'a pod is missing',
    'Deployment',
    workload({ ...ALL, updatedReplicas: 1 }),
    'in-progress',
    '1 of 2 pods have the new template, 2 are available',
  ],
  ['an old pod still runs', 'Deployment', workload({ ...ALL, replicas: 3 }), 'in-progress'],
  ['a new pod is not available', 'Deployment', workload({ ...ALL, availableReplicas: 1 }), 'in-progress'],
  ['nothing is reported', 'Deployment', workload({}), 'in-progress'],
  [
    'one replica is the default',
    'Deployment',
    { ...workload({ replicas: 1, updatedReplicas: 1, availableReplicas: 1 }), spec: { template } },
    'completed',
  ],
  [
    'it made no progress in time',
    'Deployment',
    workload({ updatedReplicas: 1, conditions: [LATE] }),
    'failed',
    'ProgressDeadlineExceeded: timed out',
  ],
  ['a quota forbids its pods', 'Deployment', workload({ conditions: [QUOTA] }), 'in-progress', 'exceeded quota'],
  [
    'somebody paused it',
    'Deployment',
    workload({ updatedReplicas: 1 }, { paused: true }),
    'in-progress',
    'somebody paused it (spec.paused)',
  ],
  [
    'a pod failed after its controller ended the rollout',
    'Deployment',
    workload({ ...ALL, availableReplicas: 1, conditions: [ENDED] }),
    'completed',
  ],
  [
    'an autoscaler adds pods after its controller ended the rollout',
    'Deployment',
    workload({ ...ALL, conditions: [ENDED] }, { replicas: 9 }),
    'completed',
  ],
  [
    'an old pod runs, and the controller reports the rollout before',
    'Deployment',
    workload({ ...ALL, replicas: 3, conditions: [ENDED] }),
    'in-progress',
  ],
  [
    'the old pods are gone, no new one is there, and the controller reports the rollout before',
    'Deployment',
    workload({ replicas: 0, updatedReplicas: 0, availableReplicas: 0, conditions: [ENDED] }),
    'in-progress',
  ],
  ['it was scaled to zero meanwhile', 'Deployment', workload({}, { replicas: 0 }), 'completed'],
  [
    'all pods are new',
    'StatefulSet',
    workload({ ...ALL, currentRevision: 'web-2', updateRevision: 'web-2' }),
    'completed',
  ],
  [
    'the controller has not ended the update',
    'StatefulSet',
    workload({ ...ALL, currentRevision: 'web-1', updateRevision: 'web-2' }),
    'in-progress',
  ],
  [
    'an old server reports only ready pods',
    'StatefulSet',
    workload({ updatedReplicas: 2, readyReplicas: 2 }),
    'completed',
  ],
  ['a pod is old', 'StatefulSet', workload({ ...ALL, updatedReplicas: 1 }), 'in-progress'],
  ['a pod is not ready', 'StatefulSet', workload({ ...ALL, availableReplicas: 1 }), 'in-progress'],
  [
    'all nodes have a new pod',
    'DaemonSet',
    workload({ desiredNumberScheduled: 4, updatedNumberScheduled: 4, numberAvailable: 4 }),
    'completed',
  ],
  [
    'a node has an old pod',
    'DaemonSet',
    workload({ desiredNumberScheduled: 4, updatedNumberScheduled: 3, numberAvailable: 4 }),
    'in-progress',
    '3 of 4 pods have the new template, 4 are available',
  ],
  [
    'a new pod is not available',
    'DaemonSet',
    workload({ desiredNumberScheduled: 4, updatedNumberScheduled: 4 }),
    'in-progress',
  ],
])('%s: the rollout of a %s', (...[, kind, seen, state, detail]) => {
  const progress = progressOf(kind, seen);
  expect(progress.state).toBe(state);
  if (typeof detail === 'string') expect(progress.detail).toBe(detail);
});

test.each<[string, 'Deployment' | 'StatefulSet' | 'DaemonSet', KubernetesWorkload, object]>([
  ['all pods are new and available', 'Deployment', workload(ALL), { unavailable: 0, isReplaced: true }],
  [
    'a pod on a node that is down',
    'DaemonSet',
    workload({ desiredNumberScheduled: 4, updatedNumberScheduled: 4, numberAvailable: 3 }),
    { unavailable: 1, isReplaced: true },
  ],
  [
    'an old pod on a node that is down',
    'DaemonSet',
    workload({ desiredNumberScheduled: 4, updatedNumberScheduled: 3, numberAvailable: 3 }),
    { unavailable: 1 },
  ],
  [
    'the controller waits for a pod that is not ready',
    'StatefulSet',
    workload({ ...ALL, availableReplicas: 1, currentRevision: 'web-1', updateRevision: 'web-2' }),
    { unavailable: 1, isReplaced: true },
  ],
  ['an old pod beside all new ones', 'Deployment', workload({ ...ALL, replicas: 3 }), { unavailable: 0 }],
  [
    'a change that the controller has not seen',
    'Deployment',
    workload({ ...ALL, observedGeneration: 2 }),
    { unavailable: 0, isUnobserved: true },
  ],
])('%s: which pods of a %s are new and available', (_, kind, seen, expected) => {
  const { state, detail, ...pods } = progressOf(kind, seen);
  expect(pods).toEqual(expected);
});

describe('who manages a workload', () => {
  const managed = (metadata: WorkloadMetadata) => obstaclesOf('Deployment', workload(ALL, {}, metadata));
  const INSTANCE = { 'app.kubernetes.io/instance': 'shop' };
  const HELM = { 'app.kubernetes.io/managed-by': 'Helm' };
  const tracked = (id: string) => ({ annotations: { 'argocd.argoproj.io/tracking-id': id } });

  test.each<[string, WorkloadMetadata, string]>([
    ['Argo CD by annotation', tracked('shop:apps/Deployment:shop/web'), 'application shop of Argo CD'],
    ['Argo CD by its own label', { labels: { 'argocd.argoproj.io/instance': 'shop' } }, 'application shop of Argo CD'],
    [
      'Argo CD by the default label and its field manager',
      { labels: INSTANCE, managedFields: [{ manager: 'argocd-controller' }] },
      'application shop of Argo CD',
    ],
    [
      'Argo CD by the default label and another annotation',
      { labels: INSTANCE, annotations: { 'argocd.argoproj.io/sync-wave': '1' } },
      'application shop of Argo CD',
    ],
    [
      'Flux',
      {
        labels: { 'kustomize.toolkit.fluxcd.io/name': 'apps', 'kustomize.toolkit.fluxcd.io/namespace': 'flux-system' },
      },
      'Kustomization flux-system/apps of Flux',
    ],
    [
      'a HelmRelease of Flux, before Helm',
      {
        labels: { ...HELM, 'helm.toolkit.fluxcd.io/name': 'web' },
        annotations: { 'meta.helm.sh/release-name': 'web' },
      },
      'HelmRelease web of Flux',
    ],
    [
      'Helm',
      { labels: HELM, annotations: { 'meta.helm.sh/release-name': 'web', 'meta.helm.sh/release-namespace': 'shop' } },
      'release shop/web of Helm',
    ],
  ])('%s: only a new image is refused', (_, metadata, manager) => {
    const [obstacle, ...others] = managed(metadata);
    expect(others).toEqual([]);
    expect(obstacle).toMatchObject({ onlyNewImages: true });
    expect(obstacle?.detail).toMatch(
      `managed-by-gitops: ${manager} manages Deployment shop/web and would set its image back.`,
    );
  });

  test.each<[string, WorkloadMetadata]>([
    ['a label that many charts set', { labels: INSTANCE }],
    [
      'a tracking id that was copied from another object',
      { labels: INSTANCE, ...tracked('shop:apps/Deployment:shop/other') },
    ],
    ['a tracking id that is none', tracked('shop')],
    ['a chart that was rendered without Helm', { labels: HELM }],
    ['an annotation of Helm without its label', { annotations: { 'meta.helm.sh/release-name': 'web' } }],
    ['another tool', { labels: { 'app.kubernetes.io/managed-by': 'kubectl' } }],
    ['an owner that does not control it', { ownerReferences: [{ kind: 'Shop', name: 'shop', uid: 'u' }] }],
  ])('%s: no manager', (_, metadata) => {
    expect(managed(metadata)).toEqual([]);
  });

  test('an operator: neither a new image nor a restart', () => {
    const ownerReferences = [{ apiVersion: 'example.com/v1', kind: 'Shop', name: 'shop', uid: 'u', controller: true }];
    const [obstacle] = managed({ ownerReferences });
    expect(obstacle?.detail).toMatch(
      /^managed-by-owner: Deployment shop\/web is controlled by Shop shop \(example.com\)/,
    );
    expect(obstacle).not.toHaveProperty('onlyNewImages');
  });
});

test.each<[string, 'Deployment' | 'StatefulSet' | 'DaemonSet', KubernetesWorkload]>([
  ['on-delete', 'StatefulSet', workload(ALL, { updateStrategy: { type: 'OnDelete' } })],
  ['on-delete', 'DaemonSet', workload(ALL, { updateStrategy: { type: 'OnDelete' } })],
  ['partitioned', 'StatefulSet', workload(ALL, { updateStrategy: { rollingUpdate: { partition: 1 } } })],
  ['workload-paused', 'Deployment', workload(ALL, { paused: true })],
  ['being-deleted', 'Deployment', workload(ALL, {}, { deletionTimestamp: '2026-11-20T10:00:00Z' })],
  ['scaled-to-zero', 'Deployment', workload(ALL, { replicas: 0 })],
  ['scaled-to-zero', 'StatefulSet', workload(ALL, { replicas: 0 })],
  ['scaled-to-zero', 'DaemonSet', workload({ desiredNumberScheduled: 0 })],
])('%s: a %s with its own reason', (reason, kind, seen) => {
  const [obstacle, ...others] = obstaclesOf(kind, seen);
  expect(others).toEqual([]);
  expect(obstacle?.detail).toMatch(new RegExp(`^${reason}: .*${kind} shop/web`));
});

test('a rolling update is no obstacle', () => {
  const rolling = { type: 'RollingUpdate', rollingUpdate: { partition: 0 } };
  for (const kind of ['StatefulSet', 'DaemonSet'] as const)
    expect(obstaclesOf(kind, workload({ ...ALL, desiredNumberScheduled: 1 }, { updateStrategy: rolling }))).toEqual([]);
  expect(obstaclesOf('DaemonSet', workload({ observedGeneration: 2, desiredNumberScheduled: 0 }))).toEqual([]);
});

test.each([
  ['app', 'Always'],
  ['app:latest', 'Always'],
  ['registry:5000/app', 'Always'],
  ['app:v1', 'IfNotPresent'],
  ['registry:5000/app:v1', 'IfNotPresent'],
  ['app@sha256:0123', 'IfNotPresent'],
  ['app:latest@sha256:0123', 'IfNotPresent'],
])('the pull policy of %s is %s by default', (image, expected) => {
  const spec = { template: { spec: { containers: [{ name: 'app', image }] } } };
  expect(templateImages({ spec })).toMatchObject([{ pullPolicy: expected }]);
});

describe('the names of a template', () => {
  const withAnnotations = (annotations: Record<string, string>): KubernetesWorkload => ({
    spec: { template: { ...template, metadata: { ...template.metadata, annotations } } },
  });
  const plain: KubernetesWorkload = { spec: { template } };

  test.each(['patchwave.dev/cascade', 'kubectl.kubernetes.io/restartedAt'])(
    'a restart by %s keeps the revision',
    (name) => {
      const restarted = withAnnotations({ [name]: 'now' });
      expect(revisionId(restarted)).toBe(revisionId(plain));
      expect(templateId(restarted)).not.toBe(templateId(plain));
    },
  );

  test('another annotation is another revision', () => {
    expect(revisionId(withAnnotations({ 'prometheus.io/scrape': 'true' }))).not.toBe(revisionId(plain));
  });

  test('the order of members and what a server writes as null make no difference', () => {
    const { metadata, spec } = template;
    const other = { spec, metadata: { ...metadata, creationTimestamp: null } };
    expect(templateId({ spec: { template: other } })).toBe(templateId(plain));
  });
});

test('a restart of a template without metadata adds them', () => {
  expect(restartPatch({ spec: { template: { spec: {} } } }, 'c').map(({ op, path }) => `${op} ${path}`)).toEqual([
    'test /metadata/uid',
    'test /metadata/generation',
    'add /spec/template/metadata',
    'add /spec/template/metadata/annotations',
    'add /spec/template/metadata/annotations/patchwave.dev~1cascade',
  ]);
});

test('images that are already named need no patch', () => {
  expect(imagePatch(workload(ALL), new Map([['app', 'app:v1']]), 'c')).toEqual([]);
});

test('a rollout of many pods one after the other may take longer', () => {
  expect(longerMs('Deployment', workload(ALL))).toBe(0);
  expect(longerMs('Deployment', workload(ALL, { minReadySeconds: 600 }))).toBe(1_200_000);
  expect(longerMs('StatefulSet', workload(ALL, { minReadySeconds: 60 }))).toBe(240_000);
  expect(longerMs('DaemonSet', workload({ desiredNumberScheduled: 300 }))).toBe(300 * 60_000);
});

test.each<['Deployment' | 'StatefulSet' | 'DaemonSet', KubernetesWorkload]>([
  ['Deployment', workload(ALL, { minReadySeconds: 2_147_483_647 })],
  ['StatefulSet', workload(ALL, { replicas: 10_080 })],
  ['DaemonSet', workload({ desiredNumberScheduled: 10_080 })],
])('a rollout of a %s takes no more than six hours longer', (kind, seen) => {
  expect(longerMs(kind, seen)).toBe(6 * 3_600_000);
});

test('without a revision of its own a template is as old as its workload', () => {
  const seen = workload(ALL, {}, { creationTimestamp: '2026-11-20T10:00:00Z' });
  expect(rolloutBegunAtEpochMs(seen, [], 5)).toBe(Date.parse('2026-11-20T10:00:00Z'));
  expect(rolloutBegunAtEpochMs(workload(ALL), [], 5)).toBe(0);
  expect(rolloutBegunAtEpochMs(workload({ observedGeneration: 2 }), [], 5)).toBe(5);
});

describe('when the rollout of the present template began', () => {
  const own = { ownerReferences: [{ kind: 'Deployment', name: 'web', uid: 'uid', controller: true }] };
  const labels = { ...template.metadata.labels, 'pod-template-hash': '5d8f7' };
  const replicaSet = {
    metadata: { ...own, creationTimestamp: '2026-11-20T10:00:00Z' },
    spec: { template: { ...template, metadata: { labels } } },
  };
  const data = { spec: { template: { ...template, $patch: 'replace' } } };
  const controllerRevision = { metadata: { ...own, creationTimestamp: '2026-11-20T10:00:00Z' }, data, revision: 1 };
  const later = {
    metadata: { ...own, creationTimestamp: '2026-11-21T10:00:00Z' },
    spec: { template: {} },
    revision: 2,
  };

  test('a template with the label of a ReplicaSet, which somebody copied, is found', () => {
    const copied = { ...template, metadata: { labels: { ...template.metadata.labels, 'pod-template-hash': 'other' } } };
    expect(rolloutBegunAtEpochMs(workload({}, { template: copied }), [later, replicaSet], 5)).toBe(
      Date.parse('2026-11-20T10:00:00Z'),
    );
  });

  test.each([
    ['a ReplicaSet', replicaSet],
    ['a ControllerRevision', controllerRevision],
  ])('%s keeps it: then that was made, also while another change is not seen yet', (_, revision) => {
    for (const observedGeneration of [2, 3])
      expect(rolloutBegunAtEpochMs(workload({ observedGeneration }), [later, revision], 5)).toBe(
        Date.parse('2026-11-20T10:00:00Z'),
      );
  });

  test('none keeps it: now, if the controller has not seen it', () => {
    expect(rolloutBegunAtEpochMs(workload({ observedGeneration: 2 }), [later], 5)).toBe(5);
    expect(rolloutBegunAtEpochMs(workload({}), [later], 5)).toBe(Date.parse('2026-11-21T10:00:00Z'));
  });
});
