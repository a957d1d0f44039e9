import { IAMClient } from '@aws-sdk/client-iam';
import { untilSettled } from '../../local/acting.ts';
import { RESOURCES } from '../../local/kubernetes/objects.ts';
import { collect } from '../../shared/concurrency.ts';
import type { Closure } from '../../shared/domain/cause/cascade.ts';
import { cascadesIn, heldIn, NOTHING_HELD, PLANNING, wakePlanner } from '../support/acting.ts';
import { streamOf, TEAM } from '../support/acting-fleet.ts';
import { Grants } from '../support/grants.ts';
import { useInstallation } from '../support/installation.ts';
import { type FleetCluster, openCluster } from '../support/kubernetes-fleet.ts';
import { inherits } from '../support/tiered-cases.ts';
import { baseStream, platformStream, tieredFleet } from '../support/tiered-fleet.ts';

const LIMIT_MS = 240_000;
const KUBE = 'kube';

/** By the application that it runs, which is its name unless it says another one. */
const deployment = (image: string, more: object = {}) => ({
  ...{ ...TEAM, cluster: KUBE, namespace: 'shop', name: image, kind: 'deployment' as const, replicas: 2 },
  startedDaysAgo: 2,
  containers: [{ name: 'app', image, tag: 'stable', imagePullPolicy: 'Always' as const }],
  ...more,
});
const byDigest = (image: string) => [{ name: 'app', image, reference: 'digest' as const }];

/** A base at fault; what runs of it on Kubernetes is restarted, or gets a new image, or must be left alone. */
const fleet = () =>
  tieredFleet({
    bases: [{ name: 'debian' }],
    platforms: [{ name: 'node', base: 'debian', pipeline: inherits }],
    apps: [
      { name: 'web', parent: 'node', pipeline: inherits },
      { name: 'api', parent: 'node', pipeline: inherits, rollout: 'register' },
      { name: 'paused', parent: 'node', pipeline: inherits, rollout: 'register' },
      { name: 'charted', parent: 'node', pipeline: inherits, rollout: 'register' },
      { name: 'synced', parent: 'node', pipeline: inherits, rollout: 'register' },
    ],
    services: {},
    kubernetesClusters: [{ ...TEAM, name: KUBE, podStartSeconds: 1 }],
    kubernetesWorkloads: [
      deployment('web'),
      deployment('api', { containers: byDigest('api') }),
      deployment('paused', { containers: byDigest('paused') }),
      deployment('charted', { containers: byDigest('charted'), managedBy: 'helm' as const }),
      deployment('synced', { containers: byDigest('synced'), managedBy: 'argo-cd' as const }),
    ],
  });

const installation = useInstallation(fleet, { mode: 'enforce', parameters: PLANNING });
const serviceOf = (name: string) => `${TEAM.account}/${TEAM.region}/${KUBE}/eks-deployment:shop/${name}`;

/** A review, and all that follows from it. */
async function reviewAndSettle(): Promise<void> {
  const { context, review } = installation();
  await review();
  await wakePlanner(installation());
  await untilSettled(context, LIMIT_MS);
}

/** The closures of a stream in all cascades. */
async function closuresOf(stream: string): Promise<readonly Closure[]> {
  const { context } = installation();
  const cascades = await cascadesIn(installation());
  const all = await Promise.all(cascades.map(({ cascadeId }) => collect(context.rollouts.closures(cascadeId))));
  return all.flat().filter((closure) => closure.stream === stream);
}

/** The digests that the pods of a Deployment run. */
async function digestsOf(cluster: FleetCluster, name: string): Promise<readonly string[]> {
  const pods = (await cluster.pods('shop')).filter(({ app }) => app === name);
  return pods.map(({ digest }) => digest);
}

let before: ReadonlyMap<string, string>;

test(
  'a base with a finding is fixed through to Deployments: restarted, or given the new image, where no other tool manages them',
  async () => {
    const { context, cloud } = installation();
    await using cluster = await openCluster(installation(), { ...TEAM, cluster: KUBE });
    const names = ['web', 'api', 'paused', 'charted', 'synced'];
    before = new Map(
      await Promise.all(names.map(async (name) => [name, (await digestsOf(cluster, name))[0] ?? ''] as const)),
    );
    await cluster.change(RESOURCES.deployments, 'shop', 'paused', { spec: { paused: true } });
    await reviewAndSettle();

    const [cascade, ...others] = await cascadesIn(installation());
    expect(others).toEqual([]);
    const deployed = await collect(context.rollouts.deployments(cascade?.cascadeId ?? ''));
    const states = new Map(deployed.map(({ service, mode, state }) => [service, `${mode} ${state}`]));
    expect(states.get(serviceOf('web'))).toBe('restart completed');
    expect(states.get(serviceOf('api'))).toBe('register completed');
    for (const [name, who] of [
      ['charted', 'Helm'],
      ['synced', 'Argo CD'],
    ] as const) {
      const refused = deployed.find(({ service }) => service === serviceOf(name));
      expect(refused).toMatchObject({ state: 'refused', detail: expect.stringMatching(/^managed-by-gitops: /) });
      expect(refused?.detail).toContain(who);
      expect(refused?.detail).toContain(name);
    }

    const heads = await context.streams.streams(names.map(streamOf));
    for (const name of ['web', 'api']) {
      const { head } = heads.get(streamOf(name)) ?? {};
      const allowed = [head?.index, ...Object.values(head?.images ?? {})];
      const digests = await digestsOf(cluster, name);
      expect(digests).toHaveLength(2);
      for (const digest of digests) {
        expect(allowed).toContain(digest);
        expect(digest).not.toBe(before.get(name));
      }
    }
    const web = await cluster.see(RESOURCES.deployments, 'shop', 'web');
    expect(web.spec).toMatchObject({
      template: { metadata: { annotations: { 'patchwave.dev/cascade': cascade?.cascadeId } } },
    });
    for (const name of ['paused', 'charted', 'synced']) {
      expect(await digestsOf(cluster, name)).toEqual([before.get(name), before.get(name)]);
    }
    const calls = (await cloud.admin.calls()).filter(({ operation }) => operation === 'patch deployments');
    expect(calls.map(({ principal, count }) => [principal, count])).toEqual([['PatchwaveActRollout', 2]]);
  },
  LIMIT_MS,
);

test(
  'closures close by the digests of pods; a pod that an old ReplicaSet makes again keeps one open',
  async () => {
    await using cluster = await openCluster(installation(), { ...TEAM, cluster: KUBE });
    const [lost] = (await cluster.pods('shop')).filter(({ app }) => app === 'paused');
    await cluster.remove(RESOURCES.pods, 'shop', lost?.name ?? '');
    const again = await cluster.pods('shop');
    expect(again.filter(({ app }) => app === 'paused').map(({ digest }) => digest)).toEqual([
      before.get('paused'),
      before.get('paused'),
    ]);
    expect(again.map(({ name }) => name)).not.toContain(lost?.name);
    await reviewAndSettle();

    for (const name of ['web', 'api']) {
      const [closure, ...others] = await closuresOf(streamOf(name));
      expect(closure).toMatchObject({ state: 'closed', proof: { usagesOfOutput: 1 } });
      expect(others).toEqual([]);
    }
    for (const name of ['paused', 'charted', 'synced']) {
      const closures = await closuresOf(streamOf(name));
      expect([name, closures.filter(({ state }) => state === 'closed')]).toEqual([name, []]);
      expect(closures.map(({ waitingFor = '' }) => waitingFor).join()).toContain(`shop/${name}`);
    }
    for (const stream of [baseStream('debian'), platformStream('node')]) {
      expect((await closuresOf(stream)).map(({ state }) => state)).not.toContain('closed');
    }
  },
  LIMIT_MS,
);

test(
  'without the right to find the cluster nothing is deployed there, and the reason is recorded',
  async () => {
    const { context, cloud } = installation();
    await using cluster = await openCluster(installation(), { ...TEAM, cluster: KUBE });
    await cluster.change(RESOURCES.deployments, 'shop', 'paused', { spec: { paused: false } });
    const grants = new Grants(new IAMClient(cloud.clients(TEAM.account, TEAM.region)));
    const [find, ...others] = (await grants.of('PatchwaveActRollout')).filter(({ action }) =>
      action.startsWith('eks:'),
    );
    expect([find?.action, others]).toEqual(['eks:DescribeCluster', []]);
    if (find === undefined) return;
    await grants.without(find, reviewAndSettle);
    const cascade = (await cascadesIn(installation())).at(-1);
    const deployed = await collect(context.rollouts.deployments(cascade?.cascadeId ?? ''));
    const attempt = deployed.find(({ service }) => service === serviceOf('paused'));
    expect(attempt).toMatchObject({ state: 'refused', detail: expect.stringMatching(/^unreachable: /) });
    for (const digest of await digestsOf(cluster, 'paused')) expect(digest).toBe(before.get('paused'));
  },
  LIMIT_MS,
);

test(
  'a Deployment that was refused gets its image once nothing is in the way, and its closure closes',
  async () => {
    await using cluster = await openCluster(installation(), { ...TEAM, cluster: KUBE });
    await reviewAndSettle();
    for (const digest of await digestsOf(cluster, 'paused')) expect(digest).not.toBe(before.get('paused'));
    // Each review plans again what is still refused.
    await reviewAndSettle();
    expect((await closuresOf(streamOf('paused'))).map(({ state }) => state)).toContain('closed');
    expect(await heldIn(installation())).toEqual(NOTHING_HELD);
  },
  LIMIT_MS,
);
