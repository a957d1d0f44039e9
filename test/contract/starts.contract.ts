import type { Cluster, RunningTask } from '../../shared/domain/image/usage.ts';
import type { Scope } from '../../shared/domain/review/run.ts';
import type { StarterSource } from '../../shared/ports/starts.ts';

/** What starts a task in a cluster: a rule or a schedule. */
export interface Starter {
  readonly name: string;
  /** A family, which means its latest revision, or a family with a revision. */
  readonly taskDefinition: string;
  readonly isDisabled?: boolean;
}

/** A source, and how to make it start tasks. */
export interface StartsWorld {
  readonly source: StarterSource;
  /** How the source reports what starts a task. */
  readonly reported: (starter: Pick<Starter, 'name'>) => Pick<RunningTask, 'workloadKind' | 'workload'>;
  createCluster(cluster: Cluster): Promise<void>;
  /** Registers a revision of a family with one container; answers `family:revision`. */
  register(scope: Scope, family: string, image: string): Promise<string>;
  deregister(scope: Scope, taskDefinition: string): Promise<void>;
  create(cluster: Cluster, starter: Starter): Promise<void>;
  /** It starts another task from now on. */
  change(cluster: Cluster, starter: Starter): Promise<void>;
  delete(cluster: Cluster, name: string): Promise<void>;
}

/** @param scopes hands out a scope that no other test has seen */
export function startsContract(world: () => StartsWorld, scopes: { next(): Scope; readonly unreachable: Scope }): void {
  async function prod(): Promise<{ scope: Scope; cluster: Cluster }> {
    const scope = scopes.next();
    const cluster = { ...scope, cluster: 'prod' };
    await world().createCluster(cluster);
    return { scope, cluster };
  }

  const start = (cluster: Cluster, name: string, image: string) => ({
    cluster,
    task: {
      ...world().reported({ name }),
      ...{ isPossible: true, architecture: 'arm64', containers: [{ name: 'app', image }] },
    },
  });

  test('a cluster in which nothing is started has no starts', async () => {
    const { scope, cluster } = await prod();
    expect(await world().source.starts(scope, [cluster])).toEqual([]);
  });

  test('a revision means its image, and a family the image of its latest revision, read anew each time', async () => {
    const { scope, cluster } = await prod();
    const first = await world().register(scope, 'nightly', 'registry.example/nightly:1');
    await world().create(cluster, { name: 'by-revision', taskDefinition: first });
    await world().create(cluster, { name: 'by-family', taskDefinition: 'nightly' });
    const starts = async () => new Set(await world().source.starts(scope, [cluster]));
    const pinned = start(cluster, 'by-revision', 'registry.example/nightly:1');
    expect(await starts()).toEqual(new Set([pinned, start(cluster, 'by-family', 'registry.example/nightly:1')]));
    await world().register(scope, 'nightly', 'registry.example/nightly:2');
    expect(await starts()).toEqual(new Set([pinned, start(cluster, 'by-family', 'registry.example/nightly:2')]));
  });

  test('one that is changed, or deleted and created again, starts what it names now', async () => {
    const { scope, cluster } = await prod();
    const old = await world().register(scope, 'nightly', 'registry.example/nightly:1');
    const other = await world().register(scope, 'other', 'registry.example/other:1');
    for (const name of ['same', 'changed', 'again']) await world().create(cluster, { name, taskDefinition: old });
    const starts = async () => new Set(await world().source.starts(scope, [cluster]));
    const now = (name: string) => start(cluster, name, 'registry.example/nightly:1');
    expect(await starts()).toEqual(new Set([now('same'), now('changed'), now('again')]));
    await world().change(cluster, { name: 'changed', taskDefinition: other });
    await world().delete(cluster, 'again');
    await world().create(cluster, { name: 'again', taskDefinition: other });
    const image = 'registry.example/other:1';
    const after = new Set([now('same'), start(cluster, 'changed', image), start(cluster, 'again', image)]);
    expect(await starts()).toEqual(after);
    expect(await starts()).toEqual(after);
  });

  test('one that is disabled may start: one call enables it', async () => {
    const { scope, cluster } = await prod();
    const taskDefinition = await world().register(scope, 'nightly', 'registry.example/nightly:1');
    await world().create(cluster, { name: 'off', taskDefinition, isDisabled: true });
    expect(await world().source.starts(scope, [cluster])).toEqual([
      start(cluster, 'off', 'registry.example/nightly:1'),
    ]);
  });

  test('one that is deleted, or whose revision is deregistered, starts nothing', async () => {
    const { scope, cluster } = await prod();
    const old = await world().register(scope, 'nightly', 'registry.example/nightly:1');
    const other = await world().register(scope, 'other', 'registry.example/other:1');
    await world().create(cluster, { name: 'deleted', taskDefinition: old });
    await world().create(cluster, { name: 'stale', taskDefinition: old });
    await world().create(cluster, { name: 'good', taskDefinition: other });
    await world().delete(cluster, 'deleted');
    await world().deregister(scope, old);
    expect(await world().source.starts(scope, [cluster])).toEqual([start(cluster, 'good', 'registry.example/other:1')]);
  });

  test('each cluster has its own, and what another cluster starts is left out', async () => {
    const { scope, cluster } = await prod();
    const [other, third] = [
      { ...scope, cluster: 'other' },
      { ...scope, cluster: 'third' },
    ];
    for (const one of [other, third]) await world().createCluster(one);
    const taskDefinition = await world().register(scope, 'nightly', 'registry.example/nightly:1');
    for (const one of [cluster, other, third]) await world().create(one, { name: `in-${one.cluster}`, taskDefinition });
    expect(new Set(await world().source.starts(scope, [cluster, other]))).toEqual(
      new Set([cluster, other].map((one) => start(one, `in-${one.cluster}`, 'registry.example/nightly:1'))),
    );
  });

  test('all are read, over all pages', async () => {
    const { scope, cluster } = await prod();
    const taskDefinition = await world().register(scope, 'nightly', 'registry.example/nightly:1');
    const names = Array.from({ length: 103 }, (_, n) => `night-${n}`);
    for (const name of names) await world().create(cluster, { name, taskDefinition });
    const found = await world().source.starts(scope, [cluster]);
    expect(new Set(found.map(({ task }) => task.workload))).toEqual(
      new Set(names.map((name) => world().reported({ name }).workload)),
    );
    expect(found).toHaveLength(103);
  });

  test('a scope that may not be read is unreachable, never without starts', async () => {
    const { unreachable: scope } = scopes;
    await expect(world().source.starts(scope, [{ ...scope, cluster: 'prod' }])).rejects.toMatchObject({
      ...{ name: 'ScopeUnreachableError', scope },
    });
  });
}
