import { deploy } from '../../../functions/rollout/deploy.ts';
import { type Deployment, serviceKey } from '../../../shared/domain/cause/cascade.ts';
import type { WorkloadKind } from '../../../shared/domain/image/workload-kind.ts';
import type { RolloutMode } from '../../../shared/domain/policy/rollout-mode.ts';
import type { KubernetesWorkload } from '../../../shared/domain/rollout/kubernetes-workload.ts';
import { DeployerUnreachableError, DeploymentUnknownError } from '../../../shared/ports/acting-errors.ts';
import { ClusterEndpointPrivateError, ClusterForbiddenError, DEPLOYS } from '../../../shared/ports/cluster-errors.ts';
import type { ServiceRef } from '../../../shared/ports/rollouts.ts';
import { FakeEksDeployer } from '../../support/fakes/eks-deployer.ts';
import { digestOf } from '../../support/samples.ts';
import {
  CASCADE,
  DEPLOYMENT_MS,
  HOST,
  HOUR_MS,
  imageOf,
  LIMITS,
  locationOf,
  MINUTE_MS,
  planned,
  portsOf,
  type RolloutWorld,
  rolloutWorld,
  runs,
  ServiceMachine,
  service,
  serviceOf,
} from './support.ts';

const ENDED = { type: 'Progressing', status: 'True', reason: 'NewReplicaSetAvailable' };

type Spec = NonNullable<KubernetesWorkload['spec']>;
type Template = NonNullable<Spec['template']>;
type EksWorld = RolloutWorld & { readonly eks: FakeEksDeployer };

interface Scene {
  readonly mode?: RolloutMode;
  readonly kind?: WorkloadKind;
  readonly spec?: Spec;
  readonly metadata?: KubernetesWorkload['metadata'];
  readonly pullPolicy?: string;
  /** Containers of its pods that run the old image. */
  readonly containers?: readonly string[];
}

const workload = ({ spec = {}, metadata = {}, pullPolicy = 'Always' }: Scene): KubernetesWorkload => ({
  metadata,
  spec: {
    ...{ replicas: 2, ...spec },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: {
        containers: [
          { name: 'web', image: imageOf('web'), imagePullPolicy: pullPolicy },
          { name: 'sidecar', image: 'public.ecr.aws/envoy:1' },
        ],
      },
    },
  },
});

async function addTo(world: EksWorld, name: string, scene: Scene = {}): Promise<ServiceRef> {
  const { kind = 'eks-deployment', containers = ['web'] } = scene;
  const ref = serviceOf(`${kind}:shop/${name}`);
  world.eks.create(ref, workload(scene));
  for (const container of containers)
    await runs(world, 'web', 'old', { workloadKind: kind, workload: `shop/${name}`, container });
  return ref;
}

/** One workload in an EKS cluster, planned. */
async function scene(seen: Scene = {}) {
  const rollout = await rolloutWorld({ modes: { web: seen.mode ?? 'restart' } });
  const world: EksWorld = { ...rollout, eks: new FakeEksDeployer(rollout.clock) };
  const ref = await addTo(world, 'web', seen);
  world.advance(MINUTE_MS);
  expect(await planned(world)).toEqual([ref]);
  return { world, eks: world.eks, ref, machine: new ServiceMachine(world, ref) };
}

const deploymentOf = (world: RolloutWorld, ref: ServiceRef): Promise<Deployment | undefined> =>
  world.rollouts.deployment(CASCADE, serviceKey(ref));

test.each(['eks-deployment', 'eks-statefulset', 'eks-daemonset'] as const)(
  'an %s is restarted once, and its rollout is awaited',
  async (kind) => {
    const { world, eks, ref, machine } = await scene({ kind });
    await machine.run('check');
    await machine.step();
    expect(machine.last).toMatchObject({ decision: 'check', state: 'running' });
    eks.settle(ref);
    await machine.run();
    expect(machine.last).toMatchObject({ decision: 'ended', state: 'completed' });
    expect(eks.changed.map(({ operations }) => operations.at(-1))).toEqual([
      { op: 'add', path: '/spec/template/metadata/annotations/patchwave.dev~1cascade', value: CASCADE },
    ]);
    expect(await deploymentOf(world, ref)).toMatchObject({ service: `111122223333/eu-west-1/prod/${kind}:shop/web` });
  },
);

test('with `register` only the image of its container is set, to the verified digest', async () => {
  const { eks, ref, machine } = await scene({ mode: 'register' });
  await machine.run('check');
  const image = `${HOST}/team/web@${digestOf('web-new')}`;
  expect(eks.changed.map(({ operations }) => operations.slice(2, 3))).toEqual([
    [{ op: 'replace', path: '/spec/template/spec/containers/0/image', value: image }],
  ]);
  eks.settle(ref);
  await machine.run();
  expect(machine.last).toMatchObject({ state: 'completed' });
});

describe('one container gets a new image, and another one pulls its tag again', () => {
  async function mixed(webImage: string) {
    const rollout = await rolloutWorld({ modes: { web: 'register', proxy: 'restart' } });
    const world: EksWorld = { ...rollout, eks: new FakeEksDeployer(rollout.clock) };
    const ref = serviceOf('eks-deployment:shop/web');
    const container = (name: string, image: string) => ({ name, image, imagePullPolicy: 'Always' });
    const containers = [container('web', webImage), container('proxy', imageOf('proxy'))];
    world.eks.create(ref, { spec: { replicas: 2, template: { spec: { containers } } } });
    for (const name of ['web', 'proxy'])
      await runs(world, name, 'old', { workloadKind: 'eks-deployment', workload: 'shop/web', container: name });
    world.advance(MINUTE_MS);
    expect(await planned(world)).toEqual([ref]);
    return { world, eks: world.eks, ref, machine: new ServiceMachine(world, ref) };
  }
  const verified = `${HOST}/team/web@${digestOf('web-new')}`;

  test('one change does both', async () => {
    const { eks, ref, machine } = await mixed(imageOf('web'));
    await machine.run('check');
    eks.settle(ref);
    await machine.run();
    expect(machine.last).toMatchObject({ state: 'completed' });
    expect(eks.changed.map(({ operations }) => operations.slice(2, 3))).toEqual([
      [{ op: 'replace', path: '/spec/template/spec/containers/0/image', value: verified }],
    ]);
  });

  test('the new image is there already: its pods are restarted', async () => {
    const { world, eks, ref, machine } = await mixed(verified);
    await machine.run('check');
    expect(eks.changed.map(({ operations }) => operations.at(-1))).toEqual([
      { op: 'add', path: '/spec/template/metadata/annotations/patchwave.dev~1cascade', value: CASCADE },
    ]);
    expect(await deploymentOf(world, ref)).toMatchObject({ mode: 'restart' });
    eks.settle(ref);
    await machine.run();
    expect(machine.last).toMatchObject({ state: 'completed' });
  });

  test('the answer was lost: the change is found, and not made again', async () => {
    for (const image of [imageOf('web'), verified]) {
      const { world, eks, ref, machine } = await mixed(image);
      eks.lost = (lost) => new DeploymentUnknownError(lost, new Error('timeout'));
      await expect(machine.step()).rejects.toMatchObject({ name: 'DeploymentUnknownError' });
      eks.settle(ref);
      world.advance(6 * MINUTE_MS);
      await machine.run();
      expect(machine.last).toMatchObject({ state: 'completed' });
      expect(eks.changed).toHaveLength(1);
    }
  });
});

describe('where Patchwave does not deploy to EKS', () => {
  test('the workload is left, and its closure says how to switch it on', async () => {
    const world = await rolloutWorld();
    await runs(world, 'web', 'old', { workloadKind: 'eks-deployment', workload: 'shop/web' });
    expect(await planned(world)).toEqual([]);
    const [closure] = await Array.fromAsync(world.rollouts.closures(CASCADE));
    expect(closure?.waitingFor).toMatch(
      /eks-deployment 111122223333\/eu-west-1\/prod\/shop\/web \(eks-rollout-off\)\. Deploy these yourself\. .*RolloutToEks=true.*"Deploy to EKS"/,
    );
    expect(closure).toMatchObject({ left: [], services: [] });
  });

  test('a deployment that was planned before makes no call, and is planned again', async () => {
    const { world, eks, ref } = await scene();
    const { eks: _, ...without } = world;
    const machine = await new ServiceMachine(without, ref).run();
    expect(machine.last).toMatchObject({ state: 'refused', detail: expect.stringContaining('eks-rollout-off') });
    expect(await deploymentOf(world, ref)).toMatchObject({ postponed: true });
    expect(eks.changed).toEqual([]);
  });
});

describe('a cluster to which Patchwave has no route', () => {
  const scopeOfCluster = { account: '111122223333', region: 'eu-west-1', eksCluster: 'prod' };

  test.each([
    ['a function in its VPC reads it', { isPrivate: true }],
    ['nothing reads it', { failure: { error: 'ClusterEndpointPrivateError', detail: '', sinceEpochMs: 0 } }],
  ] as const)('is left before any deployment, and the closure says what to do: %s', async (_, found) => {
    const world: EksWorld = await rolloutWorld().then((all) => ({ ...all, eks: new FakeEksDeployer(all.clock) }));
    await world.scopes.record({ scope: scopeOfCluster, ...found });
    await runs(world, 'web', 'old', { workloadKind: 'eks-deployment', workload: 'shop/web' });
    await runs(world, 'web', 'old', { workload: 'web' });
    expect(await planned(world)).toMatchObject([{ service: 'web' }]);
    const [closure] = await Array.fromAsync(world.rollouts.closures(CASCADE));
    expect(closure?.waitingFor).toMatch(
      /does not deploy eks-deployment 111122223333\/eu-west-1\/prod\/shop\/web \(private-cluster\)\. Deploy these yourself\. .*enable public access/,
    );
    // Once it has a route, its rollout is planned like that of a new workload.
    expect(closure).toMatchObject({ left: [], services: [expect.stringMatching(/\/web$/)] });
  });

  test('that became private since the plan refuses the deployment with a reason of its own', async () => {
    const { world, eks, ref, machine } = await scene();
    const { account, region, cluster } = ref;
    const isPrivate = new ClusterEndpointPrivateError({ account, region, cluster }, new Error('timeout'), DEPLOYS);
    eks.describe = async () => {
      throw new DeployerUnreachableError(ref, isPrivate);
    };
    await machine.run();
    expect(machine.last).toMatchObject({
      state: 'refused',
      detail: expect.stringMatching(
        /web: private-cluster: .*Enable public access to its endpoint, or deploy its workloads/,
      ),
    });
    expect(await deploymentOf(world, ref)).toMatchObject({ postponed: true });
  });
});

const HELM = {
  labels: { 'app.kubernetes.io/managed-by': 'Helm' },
  annotations: { 'meta.helm.sh/release-name': 'web' },
};

test.each<[string, Scene]>([
  ['managed-by-gitops', { mode: 'register', metadata: HELM }],
  [
    'managed-by-owner',
    {
      metadata: { ownerReferences: [{ apiVersion: 'x.y/v1', kind: 'Shop', name: 'shop', uid: 'u', controller: true }] },
    },
  ],
  ['on-delete', { kind: 'eks-statefulset', spec: { updateStrategy: { type: 'OnDelete' } } }],
  ['pull-policy', { pullPolicy: 'IfNotPresent' }],
  ['container-gone', { containers: ['debugger-x7'] }],
  ['workload-paused', { spec: { paused: true } }],
  ['being-deleted', { metadata: { deletionTimestamp: '2026-11-20T10:00:00Z' } }],
  ['scaled-to-zero', { spec: { replicas: 0 } }],
  ['partitioned', { kind: 'eks-statefulset', spec: { updateStrategy: { rollingUpdate: { partition: 1 } } } }],
])('%s: refused at once with its reason, nothing changes, and the next review plans it again', async (reason, seen) => {
  const { world, eks, ref, machine } = await scene(seen);
  await machine.step();
  expect(machine.last).toMatchObject({ decision: 'ended', state: 'refused' });
  const deployment = await deploymentOf(world, ref);
  expect(deployment?.detail).toMatch(new RegExp(`^${reason}: `));
  expect(deployment).toMatchObject({ postponed: true });
  expect(eks.changed).toEqual([]);
});

test('a workload that was deleted is refused, and planned again if it comes back', async () => {
  const { world, eks, ref, machine } = await scene();
  eks.remove(ref);
  await machine.step();
  expect(await deploymentOf(world, ref)).toMatchObject({
    ...{ state: 'refused', postponed: true },
    detail: expect.stringMatching(/^service-gone: /),
  });
});

test.each<[string, Scene]>([
  ['a workload that Helm manages is restarted', { metadata: HELM }],
  ['with `register` no pull policy is needed', { mode: 'register', pullPolicy: 'IfNotPresent' }],
  ['an ephemeral container ends with its pod', { containers: ['debugger-x7', 'web'] }],
])('%s', async (_, seen) => {
  const { eks, machine } = await scene(seen);
  await machine.run('check');
  expect(eks.changed).toHaveLength(1);
});

const withEnvironment = (value: string) => (before: NonNullable<Spec['template']>) => ({
  ...before,
  metadata: { ...before.metadata, annotations: { ...before.metadata?.annotations, config: value } },
});

type Change = (before: Template) => Template;

/** As `kubectl rollout restart` does. */
const withRestart: Change = (before) => ({
  ...before,
  metadata: { ...before.metadata, annotations: { 'kubectl.kubernetes.io/restartedAt': '2026-11-20T12:00:00Z' } },
});

const withVerifiedImage: Change = (before) => ({
  ...before,
  spec: { containers: [{ name: 'web', image: `${HOST}/team/web@${digestOf('web-new')}` }] },
});

test('somebody who changes the template between read and change wins, and the workload is planned again', async () => {
  const { world, eks, ref, machine } = await scene();
  eks.meanwhile = () => void eks.deployByHand(ref, withEnvironment('theirs'));
  await machine.run();
  const deployment = await deploymentOf(world, ref);
  expect(deployment).toMatchObject({ state: 'superseded', postponed: true });
  expect(deployment?.detail).toMatch(/^somebody else deployed revision-[\da-f]+ at the same time$/);
  expect(eks.changed).toEqual([]);
});

test('a restart that somebody made after the tag named the verified image is enough', async () => {
  const { world, eks, ref, machine } = await scene();
  const push = { digest: digestOf('web-new'), atEpochMs: world.clock() };
  await world.places.recordPush(locationOf('web'), 'v1', push);
  world.advance(MINUTE_MS);
  eks.deployByHand(ref, withEnvironment('theirs')).settle(ref);
  world.advance(MINUTE_MS);
  await machine.run();
  expect(machine.last).toMatchObject({ state: 'completed' });
  expect(eks.changed).toEqual([]);
});

describe('a rollout that somebody else began after Patchwave decided', () => {
  const THEIR_FAILURE = {
    type: 'Progressing',
    status: 'False',
    reason: 'ProgressDeadlineExceeded',
    message: 'timed out',
  };

  async function afterTheirs({
    change = withEnvironment('theirs'),
    ...seen
  }: Scene & { readonly change?: Change } = {}) {
    const all = await scene(seen);
    all.eks.deployByHand(all.ref, change);
    await all.machine.step();
    expect(all.machine.last).toMatchObject({ decision: 'wait' });
    return {
      ...all,
      ended: async () => {
        await all.machine.run();
        expect(all.eks.changed).toEqual([]);
        expect(await all.world.rollouts.environmentStop(CASCADE, '111122223333/eu-west-1/prod/eks')).toBeUndefined();
        return deploymentOf(all.world, all.ref);
      },
    };
  }

  test.each<[string, Scene & { readonly change?: Change }]>([
    ['restart', {}],
    ['register', { mode: 'register', change: withVerifiedImage }],
  ])('%s: it is complete, so nothing is left to do', async (_, seen) => {
    const { eks, ref, ended } = await afterTheirs(seen);
    eks.settle(ref);
    expect(await ended()).toMatchObject({ state: 'completed' });
  });

  test.each<[string, Scene & { readonly change?: Change }]>([
    ['restart', {}],
    ['register', { mode: 'register', change: withVerifiedImage }],
  ])('%s: it fails, which stops no other workload', async (_, seen) => {
    const { eks, ref, ended } = await afterTheirs(seen);
    eks.report(ref, { updatedReplicas: 1, conditions: [THEIR_FAILURE] });
    expect(await ended()).toMatchObject({
      ...{ state: 'superseded', postponed: true },
      detail: expect.stringMatching(
        /^deployment template-[\da-f]+, started by somebody else at \S+, .*failed: .*timed out/,
      ),
    });
  });

  test('its controller never sees it: refused, and it stops no other workload', async () => {
    const { ended } = await afterTheirs();
    expect(await ended()).toMatchObject({ state: 'refused', postponed: true });
  });

  test('it never ends: refused, and it stops no other workload', async () => {
    const { eks, ref, ended } = await afterTheirs();
    eks.report(ref, { updatedReplicas: 1 });
    expect(await ended()).toMatchObject({
      ...{ state: 'refused', postponed: true },
      detail: expect.stringMatching(/^deployment-under-way: /),
    });
  });
});

test.each<[string, Scene, Change]>([
  ['restarts it', {}, withRestart],
  ['deploys the verified image', { mode: 'register' }, withVerifiedImage],
  ['changes a setting', { mode: 'register' }, withEnvironment('theirs')],
])('somebody %s between read and change: superseded at once, and planned again', async (_, seen, change) => {
  const { world, eks, ref, machine } = await scene(seen);
  eks.meanwhile = () => void eks.deployByHand(ref, change);
  await machine.step();
  expect(await deploymentOf(world, ref)).toMatchObject({ state: 'superseded', postponed: true });
  expect(eks.changed).toEqual([]);
});

test('a rollout of somebody else that never ends is waited for until its own deadline', async () => {
  const { world, eks, ref, machine } = await scene();
  world.advance(-40 * MINUTE_MS);
  eks.deployByHand(ref, withEnvironment('theirs')).report(ref, { updatedReplicas: 1 });
  world.advance(40 * MINUTE_MS);
  await machine.run();
  expect(machine.last).toMatchObject({ state: 'refused', detail: expect.stringContaining('deployment-under-way') });
  expect(eks.changed).toEqual([]);
});

test('a restart whose answer was lost is found by its cascade, and no second one is made', async () => {
  const { world, eks, ref, machine } = await scene();
  eks.lost = (lost) => new DeploymentUnknownError(lost, new Error('timeout'));
  await expect(machine.step()).rejects.toMatchObject({ name: 'DeploymentUnknownError' });
  eks.settle(ref);
  world.advance(6 * MINUTE_MS);
  await machine.run();
  expect(machine.last).toMatchObject({ state: 'completed' });
  expect(eks.changed).toHaveLength(1);
});

test('new images whose answer was lost are found, and are not set again', async () => {
  const { world, eks, ref, machine } = await scene({ mode: 'register' });
  eks.lost = (lost) => new DeploymentUnknownError(lost, new Error('timeout'));
  await expect(machine.step()).rejects.toMatchObject({ name: 'DeploymentUnknownError' });
  eks.settle(ref);
  world.advance(6 * MINUTE_MS);
  await machine.run();
  expect(machine.last).toMatchObject({ state: 'completed' });
  expect(eks.changed).toHaveLength(1);
});

test('a workload that an autoscaler just changed is restarted all the same', async () => {
  const { eks, ref, machine } = await scene();
  eks.edit(ref, (spec) => ({ ...spec, replicas: 5 }));
  await machine.step();
  expect(machine.last).toMatchObject({ decision: 'wait' });
  eks.settle(ref);
  await machine.run('check');
  expect(eks.changed).toHaveLength(1);
});

test('an image that somebody deployed meanwhile stays', async () => {
  const { eks, ref, machine } = await scene({ mode: 'register' });
  eks.deployByHand(ref, (before) => ({
    ...before,
    spec: { containers: [{ name: 'web', image: imageOf('web', 'theirs') }] },
  }));
  eks.settle(ref);
  await machine.run();
  expect(machine.last).toMatchObject({ state: 'refused', detail: expect.stringContaining('service-changed') });
  expect(eks.changed).toEqual([]);
});

describe('how a rollout that runs ends', () => {
  async function running(seen: Scene = {}) {
    const all = await scene(seen);
    const before = all.eks.workload(all.ref).spec?.template ?? {};
    await all.machine.run('check');
    return {
      ...{ ...all, before },
      ended: async () => {
        await all.machine.run();
        return deploymentOf(all.world, all.ref);
      },
    };
  }

  test('somebody else changes the template: superseded, and planned again', async () => {
    const { eks, ref, ended } = await running();
    eks.deployByHand(ref, withEnvironment('theirs'));
    expect(await ended()).toMatchObject({
      ...{ state: 'superseded', postponed: true },
      detail: expect.stringMatching(
        /^somebody else deployed the service: deployment template-\w+ has replaced the one/,
      ),
    });
  });

  test.each(['restart', 'register'] as const)(
    '%s: somebody goes back to the earlier template: rolled back',
    async (mode) => {
      const { eks, ref, before, ended } = await running({ mode });
      eks.deployByHand(ref, () => before);
      expect(await ended()).toMatchObject({
        state: 'rolled-back',
        detail: expect.stringMatching(
          /^somebody brought the earlier pod template back, as `kubectl rollout undo` does/,
        ),
      });
      expect(eks.changed).toHaveLength(1);
    },
  );

  test('an autoscaler changes the number of pods again and again: completed', async () => {
    const { eks, ref, machine } = await running();
    for (const replicas of [5, 3, 8]) {
      eks.edit(ref, (spec) => ({ ...spec, replicas }));
      await machine.step();
      eks.report(ref, { replicas, updatedReplicas: 1, availableReplicas: 1 });
      await machine.step();
      expect(machine.last).toMatchObject({ decision: 'check', state: 'running' });
    }
    eks.report(ref, { replicas: 8, updatedReplicas: 8, availableReplicas: 7, conditions: [ENDED] });
    eks.edit(ref, (spec) => ({ ...spec, replicas: 9 })).report(ref, {});
    await machine.step();
    expect(machine.last).toMatchObject({ decision: 'ended', state: 'completed' });
    expect(eks.changed).toHaveLength(1);
  });

  test('its progress deadline passes: failed, with the reason of Kubernetes', async () => {
    const { eks, ref, ended } = await running();
    const late = { type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded', message: 'timed out' };
    eks.report(ref, { updatedReplicas: 1, conditions: [late] });
    expect(await ended()).toMatchObject({ state: 'failed', detail: 'ProgressDeadlineExceeded: timed out' });
  });

  test('somebody pauses it: it fails at its deadline, and says so', async () => {
    const { world, eks, ref, ended } = await running();
    eks.edit(ref, (spec) => ({ ...spec, paused: true })).report(ref, { updatedReplicas: 1 });
    const begunAtEpochMs = world.clock();
    expect(await ended()).toMatchObject({
      state: 'failed',
      detail: 'deadline: not all pods were replaced in time; last seen: somebody paused it (spec.paused)',
    });
    expect(world.clock() - begunAtEpochMs).toBeLessThan(3 * HOUR_MS);
  });

  test('it is deleted: failed', async () => {
    const { eks, ref, ended } = await running();
    eks.remove(ref);
    expect(await ended()).toMatchObject({ state: 'failed', detail: expect.stringContaining('service-gone') });
  });

  test('the cluster cannot be reached for a while: it is asked again', async () => {
    const { eks, ref, machine, ended } = await running();
    eks.deny(ref);
    await machine.step();
    expect(machine.last).toMatchObject({ decision: 'check', state: 'running' });
    expect(await ended()).toMatchObject({
      state: 'failed',
      detail: 'deadline: Patchwave could not read the service from Kubernetes',
    });
  });
});

const DAEMONS = { desiredNumberScheduled: 4, updatedNumberScheduled: 4, numberAvailable: 4 };

describe('a DaemonSet with a node that is down', () => {
  async function restarted() {
    const all = await scene({ kind: 'eks-daemonset' });
    all.eks.report(all.ref, { ...DAEMONS, numberAvailable: 3 });
    all.world.advance(5 * HOUR_MS);
    await all.machine.run('check');
    expect(all.eks.changed).toHaveLength(1);
    return all;
  }

  test('it is restarted, and its rollout ends once every pod is new and no more are missing', async () => {
    const { world, eks, ref, machine } = await restarted();
    eks.report(ref, { ...DAEMONS, updatedNumberScheduled: 3, numberAvailable: 3 });
    await machine.step();
    expect(machine.last).toMatchObject({ decision: 'check', state: 'running' });
    eks.report(ref, { ...DAEMONS, numberAvailable: 3 });
    await machine.step();
    expect(await deploymentOf(world, ref)).toMatchObject({
      ...{ state: 'completed', detail: '1 pod not available, as before the deployment' },
    });
  });

  test('the old pod of that node stays: failed, without a stop of the others, and planned again', async () => {
    const { world, eks, ref, machine } = await restarted();
    eks.report(ref, { ...DAEMONS, updatedNumberScheduled: 3, numberAvailable: 3 });
    await machine.run();
    expect(await deploymentOf(world, ref)).toMatchObject({
      ...{ state: 'failed', heldUp: true, postponed: true },
      detail:
        'deadline: not all pods were replaced in time; last seen: 3 of 4 pods have the new template, 3 are available; 1 pod not available, as before the deployment',
    });
    expect(await world.rollouts.environmentStop(CASCADE, '111122223333/eu-west-1/prod/eks')).toBeUndefined();
  });

  test('more pods are missing than before: failed, and the others stop', async () => {
    const { world, eks, ref, machine } = await restarted();
    eks.report(ref, { ...DAEMONS, numberAvailable: 2 });
    await machine.run();
    expect(await deploymentOf(world, ref)).not.toHaveProperty('heldUp');
    expect(await world.rollouts.environmentStop(CASCADE, '111122223333/eu-west-1/prod/eks')).toBeDefined();
  });

  test('no node was down before, and the new pod of one does not start: failed, and the others stop', async () => {
    const { world, eks, ref, machine } = await scene({ kind: 'eks-daemonset' });
    await machine.run('check');
    eks.report(ref, { ...DAEMONS, numberAvailable: 3 });
    await machine.run();
    expect(machine.last).toMatchObject({ state: 'failed' });
    expect(await world.rollouts.environmentStop(CASCADE, '111122223333/eu-west-1/prod/eks')).toBeDefined();
  });
});

test('a rollout of somebody else whose last pods start is waited for, also where only those are missing', async () => {
  const { world, eks, ref, machine } = await scene({ kind: 'eks-daemonset' });
  eks.deployByHand(ref, withEnvironment('theirs')).report(ref, { ...DAEMONS, numberAvailable: 3 });
  world.advance(MINUTE_MS);
  await machine.step();
  expect(machine.last).toMatchObject({ decision: 'wait' });
  expect(eks.changed).toEqual([]);
});

test('a Deployment with a pod that failed after its last rollout is restarted at once', async () => {
  const { eks, ref, machine } = await scene();
  eks.report(ref, { availableReplicas: 1, conditions: [ENDED] });
  await machine.step();
  expect(machine.last).toMatchObject({ decision: 'check', state: 'running' });
  expect(eks.changed).toHaveLength(1);
});

test('a change that the controller never sees is waited for as long as a deployment may take', async () => {
  const { world, eks, ref, machine } = await scene();
  world.advance(5 * HOUR_MS);
  eks.edit(ref, (spec) => ({ ...spec, replicas: 3 }));
  const begunAtEpochMs = world.clock();
  await machine.run();
  expect(world.clock() - begunAtEpochMs).toBeGreaterThanOrEqual(DEPLOYMENT_MS);
  expect(world.clock() - begunAtEpochMs).toBeLessThan(DEPLOYMENT_MS + HOUR_MS);
  expect(machine.last).toMatchObject({
    state: 'refused',
    detail: expect.stringMatching(/deployment-under-way: the controller of Kubernetes has not seen/),
  });
  expect(await deploymentOf(world, ref)).toMatchObject({ postponed: true });
});

describe('a rollout of many pods that begins shortly before the deadline of its cascade', () => {
  async function late() {
    const all = await scene({ kind: 'eks-statefulset', spec: { replicas: 300 } });
    const { deadlineEpochMs = 0 } = (await all.world.cascades.get(CASCADE)) ?? {};
    all.world.advance(deadlineEpochMs - all.world.clock() - MINUTE_MS);
    await all.machine.run('check');
    all.eks.report(all.ref, { updatedReplicas: 1 });
    return { ...all, begunAtEpochMs: all.world.clock() };
  }

  test('it has a minute for each pod all the same', async () => {
    const { world, eks, ref, machine, begunAtEpochMs } = await late();
    while (machine.state === 'check' && world.clock() < begunAtEpochMs + 6 * HOUR_MS) await machine.step();
    expect(machine.last).toMatchObject({ decision: 'check', state: 'running' });
    eks.settle(ref);
    await machine.step();
    expect(machine.last).toMatchObject({ state: 'completed' });
  });

  test('it never ends: failed after that time', async () => {
    const { world, machine, begunAtEpochMs } = await late();
    await machine.run();
    expect(machine.last).toMatchObject({ state: 'failed', detail: expect.stringContaining('deadline') });
    expect(world.clock() - begunAtEpochMs).toBeLessThan(8 * HOUR_MS);
  });
});

describe('a change that the cluster never makes', () => {
  const failing = (lost: ServiceRef) =>
    new DeploymentUnknownError(lost, new Error('status 500: failed calling webhook "x": connection refused'));

  async function untilItEnds({ machine }: Awaited<ReturnType<typeof scene>>) {
    for (let steps = 0; steps < 2000 && machine.state !== 'done'; steps += 1)
      await machine.step().catch(() => undefined);
  }

  test('an admission webhook that is down: refused after the time of a deployment, with the last problem', async () => {
    const all = await scene();
    const { world, eks, ref } = all;
    eks.fails = failing;
    const begunAtEpochMs = world.clock();
    await untilItEnds(all);
    const deployment = await deploymentOf(world, ref);
    expect(deployment).toMatchObject({ state: 'refused', postponed: true });
    expect(deployment?.detail).toMatch(/^not-started: each attempt since .*failed calling webhook "x"/);
    expect(deployment).not.toHaveProperty('failing');
    expect(world.clock() - begunAtEpochMs).toBeLessThan(3 * HOUR_MS);
    expect(await world.rollouts.environmentStop(CASCADE, '111122223333/eu-west-1/prod/eks')).toBeUndefined();
  });

  test('the webhook is back in time: restarted once', async () => {
    const all = await scene();
    const { world, eks, ref, machine } = all;
    eks.fails = failing;
    for (let steps = 0; steps < 20; steps += 1) await machine.step().catch(() => undefined);
    eks.fails = undefined;
    await machine.run('check');
    eks.settle(ref);
    await machine.run();
    expect(machine.last).toMatchObject({ state: 'completed' });
    expect(eks.changed).toHaveLength(1);
    expect(await deploymentOf(world, ref)).not.toHaveProperty('failing');
  });

  test('one attempt fails, and a pause follows that is longer than a deployment: restarted once it ends', async () => {
    const { world, eks, ref, machine } = await scene();
    eks.fails = failing;
    await expect(machine.step()).rejects.toThrow('failed calling webhook');
    eks.fails = undefined;
    await world.apply('paused');
    world.advance(3 * HOUR_MS);
    await machine.step();
    expect(machine.last).toMatchObject({ decision: 'wait' });
    await world.apply('enforce');
    await machine.run('check');
    expect(eks.changed).toHaveLength(1);
    expect(await deploymentOf(world, ref)).not.toHaveProperty('failing');
  });

  test('the last attempt was carried out and its answer lost: its rollout is followed', async () => {
    const all = await scene();
    const { world, eks, machine } = all;
    eks.fails = failing;
    for (let steps = 0; steps < 20; steps += 1) await machine.step().catch(() => undefined);
    eks.fails = undefined;
    eks.lost = failing;
    while (eks.changed.length === 0) await machine.step().catch(() => undefined);
    world.advance(2 * HOUR_MS - 5 * MINUTE_MS);
    await machine.run('check');
    expect(machine.last).toMatchObject({ state: 'running' });
  });

  test('a role that may read and not patch: refused at once, and planned again after the next review', async () => {
    const { world, eks, ref, machine } = await scene();
    eks.fails = (denied) =>
      new DeployerUnreachableError(denied, new ClusterForbiddenError(denied, 'patch', 'deployments', DEPLOYS));
    await machine.step();
    const deployment = await deploymentOf(world, ref);
    expect(deployment).toMatchObject({ state: 'refused', postponed: true });
    expect(deployment?.detail).toMatch(/^unreachable: .*is not allowed to patch deployments/);
  });

  test('a webhook drops it: refused with that reason, and planned again', async () => {
    const { world, eks, ref, machine } = await scene();
    eks.webhook = (_, before) => before;
    await machine.step();
    const deployment = await deploymentOf(world, ref);
    expect(deployment).toMatchObject({ state: 'refused', postponed: true });
    expect(deployment?.detail).toMatch(/^refused: .*accepted the change and dropped it.*patchwave.dev~1cascade/);
    expect(eks.changed).toEqual([]);
  });

  test('a webhook makes another change of it: refused with that reason, and not asked for again', async () => {
    const { world, eks, ref, machine } = await scene({ mode: 'register' });
    eks.webhook = (_, before) => ({
      ...before,
      spec: { ...before.spec, template: withEnvironment('webhook')(before.spec?.template ?? {}) },
    });
    await machine.step();
    const deployment = await deploymentOf(world, ref);
    expect(deployment?.detail).toMatch(
      /^refused: .*deploys another change in its place.*did not set .*containers\/0\/image/,
    );
    expect(deployment).not.toHaveProperty('postponed');
  });
});

describe('EKS is switched off after the answer to a restart was lost', () => {
  async function lost() {
    const all = await scene();
    all.eks.lost = (ref) => new DeploymentUnknownError(ref, new Error('timeout'));
    await expect(all.machine.step()).rejects.toMatchObject({ name: 'DeploymentUnknownError' });
    all.world.advance(6 * MINUTE_MS);
    const ports = { ...portsOf(all.world), targets: { eks: false } };
    const input = { cascadeId: CASCADE, service: all.ref };
    return { ...all, step: () => deploy(ports, LIMITS, input) };
  }

  test('the restart that was made is followed', async () => {
    const { step } = await lost();
    expect(await step()).toMatchObject({ decision: 'check', state: 'running' });
  });

  test('the restart that was not made is refused, and no other one is made', async () => {
    const { world, eks, ref, step } = await lost();
    eks.remove(ref).create(ref, workload({}));
    expect(await step()).toMatchObject({ state: 'refused', detail: expect.stringContaining('eks-rollout-off') });
    expect(await deploymentOf(world, ref)).toMatchObject({ postponed: true });
    expect(eks.changed).toHaveLength(1);
  });
});

describe.each(['restart', 'register'] as const)(
  '%s: somebody changes the template after the answer was lost',
  (mode) => {
    const lost = (change: Change) =>
      lostThen((present, before) => change({ ...before, metadata: present.metadata ?? {} }));

    async function lostThen(change: (present: Template, before: Template) => Template) {
      const all = await scene({ mode });
      const { world, eks, ref, machine } = all;
      const before = eks.workload(ref).spec?.template ?? {};
      eks.lost = (unknown) => new DeploymentUnknownError(unknown, new Error('timeout'));
      await expect(machine.step()).rejects.toMatchObject({ name: 'DeploymentUnknownError' });
      world.advance(MINUTE_MS);
      eks.deployByHand(ref, (present) => change(present, before)).settle(ref);
      world.advance(6 * MINUTE_MS);
      await machine.run();
      expect(eks.changed).toHaveLength(1);
      return machine.last;
    }

    test('an undo: rolled back, and not done again', async () => {
      const { metadata, ...before } = workload({}).spec?.template ?? {};
      expect(await lost(() => ({ metadata: { labels: { app: 'web' } }, ...before }))).toMatchObject({
        state: 'rolled-back',
      });
    });

    test('another setting: superseded, and not done again', async () => {
      expect(await lostThen((present) => withEnvironment('theirs')(present))).toMatchObject({ state: 'superseded' });
    });

    test('another image: superseded, and not done again', async () => {
      const containers = [{ name: 'web', image: imageOf('web', 'theirs'), imagePullPolicy: 'Always' }];
      expect(await lost((template) => ({ ...template, spec: { containers } }))).toMatchObject({ state: 'superseded' });
    });
  },
);

test('another image after the answer was lost, and no earlier template is kept: it stays, and does not count as done', async () => {
  const { world, eks, ref, machine } = await scene({ mode: 'register' });
  eks.lost = (unknown) => new DeploymentUnknownError(unknown, new Error('timeout'));
  await expect(machine.step()).rejects.toMatchObject({ name: 'DeploymentUnknownError' });
  world.advance(MINUTE_MS);
  const containers = [{ name: 'web', image: imageOf('web', 'theirs'), imagePullPolicy: 'Always' }];
  eks
    .deployByHand(ref, (present) => ({ ...present, spec: { containers } }))
    .forgetEarlier(ref)
    .settle(ref);
  world.advance(6 * MINUTE_MS);
  await machine.run();
  expect(await deploymentOf(world, ref)).toMatchObject({ state: 'superseded', postponed: true });
  expect(eks.changed).toHaveLength(1);
});

test('a cluster that does not accept the rollout role: refused, and planned again after the next review', async () => {
  const { world, eks, ref, machine } = await scene();
  eks.deny(ref);
  await machine.run();
  const deployment = await deploymentOf(world, ref);
  expect(deployment).toMatchObject({ state: 'refused', postponed: true });
  expect(deployment?.detail).toMatch(/^unreachable: .*enforcement|access entry/);
  expect(deployment).not.toHaveProperty('abandoned');
});

test('a failed rollout stops the others in its EKS cluster, and none in an ECS cluster of that name', async () => {
  const rollout = await rolloutWorld();
  const world: EksWorld = { ...rollout, eks: new FakeEksDeployer(rollout.clock) };
  const refs = [await addTo(world, 'first'), await addTo(world, 'second'), await service(world, 'web')] as const;
  expect(await planned(world)).toHaveLength(3);
  const [first, second, ecs] = refs.map((ref) => new ServiceMachine(world, ref));
  await first?.run('check');
  const late = { type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' };
  world.eks.report(refs[0], { conditions: [late] });
  await first?.run();
  await second?.run();
  await ecs?.run('check');
  expect([first?.last?.state, second?.last?.state, ecs?.last?.state]).toEqual(['failed', 'refused', 'running']);
  expect(second?.last?.detail).toContain('environment-stopped');
});
