import { collect, mapConcurrently } from '../../shared/concurrency.ts';
import type { Cluster, RunningContainer, RunningTask } from '../../shared/domain/image/usage.ts';
import type { Scope } from '../../shared/domain/review/run.ts';
import type { WorkloadSource } from '../../shared/ports/workloads.ts';
import { digestOf } from '../support/samples.ts';

export interface Workload {
  /** `service`: something starts its tasks again when they end. */
  readonly kind: 'service' | 'standalone';
  readonly name: string;
  readonly count: number;
  readonly architecture: 'amd64' | 'arm64';
  readonly containers: readonly RunningContainer[];
}

/** A source, and how to make things run in it. Scopes of `reachable` can be read, that of `unreachable` cannot. */
export interface WorkloadsWorld {
  readonly source: WorkloadSource;
  /** How the source reports a workload of each kind. */
  readonly reported: (workload: Pick<Workload, 'kind' | 'name'>) => Partial<RunningTask>;
  /** The names of the errors for the scope that cannot be read. */
  readonly unreachable: { readonly scope: string; readonly cluster: string };
  createCluster(cluster: Cluster): Promise<void>;
  run(cluster: Cluster, workload: Workload): Promise<void>;
  stop(cluster: Cluster, workload: string): Promise<void>;
}

/** Every task here has pulled its images. */
const PULL = { beganAtEpochMs: expect.any(Number), endedAtEpochMs: expect.any(Number) };

/** How ECS reports a workload. */
export const ofEcs: WorkloadsWorld['reported'] = ({ kind, name: workload }) => ({
  workloadKind: kind === 'service' ? 'ecs-service' : 'ecs-task',
  workload,
  pull: PULL,
});

/** @param scopes hands out a scope that no other test has seen */
export function workloadsContract(
  world: () => WorkloadsWorld,
  scopes: { next(): Scope; readonly unreachable: Scope },
): void {
  const app: RunningContainer = {
    name: 'app',
    image: 'registry.example/team/payments-api:v1',
    digest: digestOf('app'),
  };
  const workload = (changes: Partial<Workload> = {}): Workload => ({
    kind: 'service',
    name: 'payments-api',
    count: 1,
    architecture: 'arm64',
    containers: [app],
    ...changes,
  });
  const runningIn = async (cluster: Cluster) => (await collect(world().source.tasks(cluster))).flat();

  test('a scope with nothing in it is empty', async () => {
    expect(await collect(world().source.clusters(scopes.next()))).toEqual([]);
  });

  test('every cluster of the scope is listed, over all pages', async () => {
    const scope = scopes.next();
    const clusters = Array.from({ length: 103 }, (_, n) => ({ ...scope, cluster: `cluster-${n}` }));
    await mapConcurrently(clusters, 16, (cluster) => world().createCluster(cluster));
    const listed = await collect(world().source.clusters(scope));
    expect(listed).toHaveLength(103);
    expect(listed).toEqual(expect.arrayContaining(clusters));
  });

  test('services and standalone tasks, with all their containers', async () => {
    const cluster = { ...scopes.next(), cluster: 'prod' };
    await world().createCluster(cluster);
    const sidecar: RunningContainer = { name: 'aws-guardduty-agent-x', digest: digestOf('agent') };
    const undigested: RunningContainer = { name: 'log-router', image: 'public.ecr.aws/aws-observability/fluent-bit:2' };
    await world().run(cluster, workload({ containers: [app, sidecar, undigested] }));
    await world().run(cluster, workload({ kind: 'standalone', name: 'migrate', architecture: 'amd64' }));
    const tasks = await runningIn(cluster);
    expect(tasks).toHaveLength(2);
    expect(tasks).toEqual(
      expect.arrayContaining([
        {
          ...world().reported({ kind: 'service', name: 'payments-api' }),
          architecture: 'arm64',
          containers: expect.arrayContaining([app, sidecar, undigested]),
        },
        { ...world().reported({ kind: 'standalone', name: 'migrate' }), architecture: 'amd64', containers: [app] },
      ]),
    );
  });

  test('a service or a Deployment that runs nothing may start the images of its template', async () => {
    const cluster = { ...scopes.next(), cluster: 'prod' };
    await world().createCluster(cluster);
    await world().run(cluster, workload({ count: 0, name: 'standby' }));
    await world().run(cluster, workload());
    const { pull, ...reported } = world().reported({ kind: 'service', name: 'standby' });
    const [running, possible, ...others] = await runningIn(cluster);
    expect(running).not.toHaveProperty('isPossible');
    // The architecture of a pod is known once a node is; a task definition may name one.
    expect(possible).toMatchObject({ ...reported, isPossible: true, containers: [{ name: 'app', image: app.image }] });
    expect(possible).not.toHaveProperty('pull');
    expect(others).toEqual([]);
  });

  test('hundreds of tasks come in batches of at most 100', async () => {
    const cluster = { ...scopes.next(), cluster: 'prod' };
    await world().createCluster(cluster);
    await world().run(cluster, workload({ count: 205 }));
    const batches = await collect(world().source.tasks(cluster));
    expect(batches.map((batch) => batch.length)).toEqual([100, 100, 5]);
  });

  test('stopped tasks are left out, and a cluster without tasks has none', async () => {
    const cluster = { ...scopes.next(), cluster: 'prod' };
    await world().createCluster(cluster);
    await world().run(cluster, workload({ kind: 'standalone', name: 'migrate' }));
    await world().stop(cluster, 'migrate');
    expect(await runningIn(cluster)).toEqual([]);
    expect((await collect(world().source.tasks(cluster, { includesStopping: true }))).flat()).toEqual([]);
  });

  test('a cluster that is gone since it was listed runs nothing', async () => {
    expect(await runningIn({ ...scopes.next(), cluster: 'gone' })).toEqual([]);
  });

  test('a scope that may not be read is unreachable, never empty', async () => {
    const { unreachable } = scopes;
    const names = world().unreachable;
    const expected = { name: names.scope, scope: unreachable };
    await expect(collect(world().source.clusters(unreachable))).rejects.toMatchObject(expected);
    await expect(runningIn({ ...unreachable, cluster: 'prod' })).rejects.toMatchObject({ name: names.cluster });
  });
}
