import { storeApi } from '../../../local/kubernetes/cluster-server.ts';
import { reconcile } from '../../../local/kubernetes/controllers.ts';
import { ObjectStore } from '../../../local/kubernetes/object-store.ts';
import { type ApiResource, type KubernetesObject, RESOURCES } from '../../../local/kubernetes/objects.ts';

const SHOP = 'shop';
const START_MS = 5_000;

/** A cluster with a clock of its own, whose pods take 5 s to start. */
class TimedCluster {
  nowEpochMs = Date.parse('2026-11-28T12:00:00Z');
  /** References that no registry has. */
  readonly missing = new Set<string>();
  readonly store = new ObjectStore(() => this.nowEpochMs);
  readonly api = storeApi(this.store);
  readonly #cluster = {
    api: this.api,
    startMs: START_MS,
    nowEpochMs: () => this.nowEpochMs,
    runtime: { pull: async (image: string) => (this.missing.has(image) ? undefined : `${image}@sha256:0`) },
  };

  async make(resource: ApiResource, name: string, spec: object): Promise<void> {
    const labels = { app: name };
    await this.api.create(resource, {
      ...{ apiVersion: 'apps/v1', kind: resource.kind, metadata: { name, namespace: SHOP } },
      spec: { selector: { matchLabels: labels }, template: templateOf('v1', labels), ...spec },
    });
  }

  async addNode(name: string): Promise<void> {
    await this.api.create(RESOURCES.nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name } });
  }

  seen = (resource: ApiResource, name: string): KubernetesObject => this.store.get(resource, SHOP, name);

  change(resource: ApiResource, name: string, change: object): Promise<KubernetesObject> {
    return this.api.patch(resource, this.seen(resource, name), change);
  }

  deploy = (resource: ApiResource, name: string, version: string): Promise<KubernetesObject> =>
    this.change(resource, name, { spec: { template: templateOf(version, { app: name }) } });

  /** One look of the controllers. After how long the next is due. */
  look = (resource: ApiResource, name: string): Promise<number | undefined> =>
    reconcile(this.#cluster, this.seen(resource, name));

  /** Lets time pass until nothing is due any more, or for at most so long. What was seen at each look, without repeats. */
  async run<Seen>(resource: ApiResource, name: string, see: () => Seen, forMs = 3_600_000): Promise<Seen[]> {
    const seen: Seen[] = [];
    for (const untilEpochMs = this.nowEpochMs + forMs; this.nowEpochMs <= untilEpochMs; ) {
      const waitMs = await this.look(resource, name);
      const now = see();
      if (JSON.stringify(now) !== JSON.stringify(seen.at(-1))) seen.push(now);
      if (waitMs === undefined) return seen;
      this.nowEpochMs += Math.max(1, waitMs);
    }
    return seen;
  }

  /** Of each pod the version of its image, sorted by the pods' names. */
  versions(): readonly string[] {
    const pods = [...this.store.all(RESOURCES.pods, SHOP)].sort((one, other) =>
      one.metadata.name.localeCompare(other.metadata.name),
    );
    return pods.map(({ spec, status }) => {
      const [container] = (spec as { readonly containers: readonly { readonly image: string }[] }).containers;
      return `${container?.image.split(':').at(-1)}${status?.phase === 'Running' ? '' : ' waits'}`;
    });
  }
}

const templateOf = (version: string, labels: object): object => ({
  metadata: { labels },
  spec: { containers: [{ name: 'app', image: `docker.io/team/web:${version}` }] },
});

const counts = ({ metadata, status = {} }: KubernetesObject) => {
  const of = (name: string) => Number(status[name] ?? 0);
  return {
    isObserved: of('observedGeneration') === metadata.generation,
    replicas: of('replicas'),
    updated: of('updatedReplicas'),
    available: of('availableReplicas'),
  };
};

const progress = ({ status = {} }: KubernetesObject) =>
  (status.conditions as { readonly type: string; readonly status: string; readonly reason: string }[])
    .filter(({ type }) => type === 'Progressing')
    .map((condition) => `${condition.status} ${condition.reason}`)
    .join();

describe('a Deployment', () => {
  const { deployments: resource } = RESOURCES;
  const running = async (spec: object = {}) => {
    const cluster = new TimedCluster();
    await cluster.make(resource, 'web', { replicas: 4, ...spec });
    await cluster.run(resource, 'web', () => 0);
    expect(cluster.versions()).toEqual(['v1', 'v1', 'v1', 'v1']);
    return cluster;
  };

  test('gives way pod by pod: one more and one less than it asks for, as pods start', async () => {
    const cluster = await running();
    await cluster.deploy(resource, 'web', 'v2');
    const looks = await cluster.run(resource, 'web', () => {
      const object = cluster.seen(resource, 'web');
      return { ...counts(object), progress: progress(object) };
    });
    expect(looks[0]).toMatchObject({ isObserved: true, replicas: 5, updated: 2, available: 3 });
    for (const { replicas, available } of looks) {
      expect(replicas).toBeLessThanOrEqual(5);
      expect(available).toBeGreaterThanOrEqual(3);
    }
    const last = { isObserved: true, replicas: 4, updated: 4, available: 4, progress: 'True NewReplicaSetAvailable' };
    expect(looks.at(-1)).toEqual(last);
    expect(looks.slice(0, -1).map((look) => look.progress)).toEqual(
      looks.slice(0, -1).map(() => 'True ReplicaSetUpdated'),
    );
    expect(cluster.versions()).toEqual(['v2', 'v2', 'v2', 'v2']);
  });

  test('with an image that cannot be pulled keeps old pods, and says after its deadline that it makes no progress', async () => {
    const cluster = await running({ progressDeadlineSeconds: 60 });
    cluster.missing.add('docker.io/team/web:v2');
    await cluster.deploy(resource, 'web', 'v2');
    const looks = await cluster.run(resource, 'web', () => progress(cluster.seen(resource, 'web')), 120_000);
    expect(looks).toEqual(['True ReplicaSetUpdated', 'False ProgressDeadlineExceeded']);
    expect(cluster.versions().filter((one) => one === 'v1')).toHaveLength(3);
    expect(counts(cluster.seen(resource, 'web'))).toMatchObject({ updated: 2, available: 3 });

    await cluster.deploy(resource, 'web', 'v1');
    await cluster.run(resource, 'web', () => 0);
    expect(progress(cluster.seen(resource, 'web'))).toBe('True NewReplicaSetAvailable');
    expect(cluster.versions()).toEqual(['v1', 'v1', 'v1', 'v1']);
    const revisions = cluster.store.all(RESOURCES.replicaSets, SHOP).map(({ metadata }) => metadata.annotations);
    expect(revisions.map((one) => one?.['deployment.kubernetes.io/revision']).sort()).toEqual(['2', '3']);
  });

  test('runs once the missing image is there', async () => {
    const cluster = await running();
    cluster.missing.add('docker.io/team/web:v2');
    await cluster.deploy(resource, 'web', 'v2');
    await cluster.run(resource, 'web', () => 0, 30_000);
    cluster.missing.clear();
    await cluster.run(resource, 'web', () => 0);
    expect(cluster.versions()).toEqual(['v2', 'v2', 'v2', 'v2']);
  });

  test('that is paused observes a change and rolls nothing out; a lost pod comes back as it was', async () => {
    const cluster = await running();
    await cluster.change(resource, 'web', { spec: { paused: true } });
    await cluster.deploy(resource, 'web', 'v2');
    const [pod] = cluster.store.all(RESOURCES.pods, SHOP);
    cluster.store.remove(RESOURCES.pods, SHOP, pod?.metadata.name ?? '');
    await cluster.run(resource, 'web', () => 0);
    expect(cluster.versions()).toEqual(['v1', 'v1', 'v1', 'v1']);
    const paused = cluster.seen(resource, 'web');
    expect({ ...counts(paused), progress: progress(paused) }).toMatchObject({
      ...{ isObserved: true, replicas: 4, updated: 0, progress: 'Unknown DeploymentPaused' },
    });
    await cluster.change(resource, 'web', { spec: { paused: false } });
    await cluster.run(resource, 'web', () => 0);
    expect(cluster.versions()).toEqual(['v2', 'v2', 'v2', 'v2']);
  });

  test('that is recreated has no pods in between', async () => {
    const cluster = await running({ strategy: { type: 'Recreate' } });
    await cluster.deploy(resource, 'web', 'v2');
    const looks = await cluster.run(resource, 'web', () => cluster.versions());
    expect(looks[0]).toEqual(Array.from({ length: 4 }, () => 'v2 waits'));
    expect(looks.at(-1)).toEqual(['v2', 'v2', 'v2', 'v2']);
  });

  test('counts a pod as available once it has been ready for long enough', async () => {
    const cluster = await running({ minReadySeconds: 30 });
    await cluster.deploy(resource, 'web', 'v2');
    const startedAtEpochMs = cluster.nowEpochMs;
    await cluster.run(resource, 'web', () => 0);
    expect(cluster.nowEpochMs - startedAtEpochMs).toBeGreaterThanOrEqual(60_000);
    expect(progress(cluster.seen(resource, 'web'))).toBe('True NewReplicaSetAvailable');
  });
});

describe('a StatefulSet', () => {
  const { statefulSets: resource } = RESOURCES;
  const running = async (spec: object = {}) => {
    const cluster = new TimedCluster();
    await cluster.make(resource, 'db', { replicas: 3, ...spec });
    await cluster.run(resource, 'db', () => 0);
    expect(cluster.versions()).toEqual(['v1', 'v1', 'v1']);
    return cluster;
  };
  const revisions = (cluster: TimedCluster) => {
    const { currentRevision, updateRevision } = cluster.seen(resource, 'db').status ?? {};
    return { isSame: currentRevision === updateRevision, updateRevision };
  };

  test('replaces one pod at a time, from the highest ordinal down, each of a revision that is recorded', async () => {
    const cluster = await running();
    const before = revisions(cluster);
    await cluster.deploy(resource, 'db', 'v2');
    const looks = await cluster.run(resource, 'db', () => cluster.versions().join(', '));
    expect(looks).toEqual(['v1, v1, v2 waits', 'v1, v2 waits, v2', 'v2 waits, v2, v2', 'v2, v2, v2']);
    expect(revisions(cluster)).toMatchObject({ isSame: true });
    const recorded = cluster.store.all(RESOURCES.controllerRevisions, SHOP);
    expect(
      recorded
        .map(({ metadata, revision }) => [metadata.name, revision])
        .sort(([, one], [, two]) => Number(one) - Number(two)),
    ).toEqual([
      [before.updateRevision, 1],
      [revisions(cluster).updateRevision, 2],
    ]);
  });

  test('keeps the pods below its partition, with OnDelete all of them until somebody deletes one', async () => {
    const rolling = { type: 'RollingUpdate', rollingUpdate: { partition: 2 } };
    const partitioned = await running({ updateStrategy: rolling });
    const onDelete = await running({ updateStrategy: { type: 'OnDelete' } });
    for (const cluster of [partitioned, onDelete]) {
      await cluster.deploy(resource, 'db', 'v2');
      await cluster.run(resource, 'db', () => 0);
      expect(revisions(cluster).isSame).toBe(false);
    }
    expect(partitioned.versions()).toEqual(['v1', 'v1', 'v2']);
    expect(onDelete.versions()).toEqual(['v1', 'v1', 'v1']);
    for (const cluster of [partitioned, onDelete]) {
      cluster.store.remove(RESOURCES.pods, SHOP, 'db-0');
      await cluster.run(resource, 'db', () => 0);
    }
    expect(partitioned.versions()).toEqual(['v1', 'v1', 'v2']);
    expect(onDelete.versions()).toEqual(['v2', 'v1', 'v1']);
  });

  test('waits for a pod that never runs, also with the template that would correct it', async () => {
    const cluster = await running();
    cluster.missing.add('docker.io/team/web:v2');
    await cluster.deploy(resource, 'db', 'v2');
    await cluster.run(resource, 'db', () => 0, 60_000);
    await cluster.deploy(resource, 'db', 'v1');
    await cluster.run(resource, 'db', () => 0, 60_000);
    expect(cluster.versions()).toEqual(['v1', 'v1', 'v2 waits']);
    cluster.store.remove(RESOURCES.pods, SHOP, 'db-2');
    await cluster.run(resource, 'db', () => 0);
    expect(cluster.versions()).toEqual(['v1', 'v1', 'v1']);
  });
});

describe('a DaemonSet', () => {
  const { daemonSets: resource } = RESOURCES;
  const running = async (spec: object = {}) => {
    const cluster = new TimedCluster();
    for (const name of ['node-1', 'node-2', 'node-3']) await cluster.addNode(name);
    await cluster.make(resource, 'agent', spec);
    await cluster.run(resource, 'agent', () => 0);
    expect(cluster.versions()).toEqual(['v1', 'v1', 'v1']);
    return cluster;
  };

  test('replaces the pods of as many nodes at a time as may be unavailable', async () => {
    const cluster = await running();
    await cluster.deploy(resource, 'agent', 'v2');
    const looks = await cluster.run(
      resource,
      'agent',
      () => cluster.versions().filter((one) => one.endsWith('waits')).length,
    );
    expect(Math.max(...looks)).toBe(1);
    expect(cluster.versions()).toEqual(['v2', 'v2', 'v2']);
    const { status, metadata } = cluster.seen(resource, 'agent');
    expect(status).toMatchObject({
      ...{ observedGeneration: metadata.generation, desiredNumberScheduled: 3 },
      ...{ updatedNumberScheduled: 3, numberAvailable: 3 },
    });
    expect(cluster.store.all(RESOURCES.controllerRevisions, SHOP)).toHaveLength(2);
  });

  test('with OnDelete keeps its pods until somebody deletes one', async () => {
    const cluster = await running({ updateStrategy: { type: 'OnDelete' } });
    await cluster.deploy(resource, 'agent', 'v2');
    await cluster.run(resource, 'agent', () => 0);
    expect(cluster.versions()).toEqual(['v1', 'v1', 'v1']);
    cluster.store.remove(RESOURCES.pods, SHOP, 'agent-node-2');
    await cluster.run(resource, 'agent', () => 0);
    expect(cluster.versions()).toEqual(['v1', 'v2', 'v1']);
  });
});
