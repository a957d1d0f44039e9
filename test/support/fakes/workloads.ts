import { registryKey } from '../../../shared/domain/image/image.ts';
import {
  listsShowing,
  type StartList,
  startsText,
  type UnreadSource,
} from '../../../shared/domain/image/possible-starts.ts';
import type { Cluster } from '../../../shared/domain/image/usage.ts';
import type { Scope } from '../../../shared/domain/review/run.ts';
import type { Clock } from '../../../shared/ports/clock.ts';
import { ScopeUnreachableError } from '../../../shared/ports/errors.ts';
import type { RunningTask, TasksRead, WorkloadSource } from '../../../shared/ports/workloads.ts';
import { copied } from './copied.ts';

const PAGE = 100;

/** As long as containers on Fargate may take to stop, without a load balancer that drains first. */
export const STOPS_FOR_MS = 120_000;

/** What runs, in memory. A stopping task leaves the usual listing at once, while its containers still run. */
export class FakeWorkloads implements WorkloadSource {
  readonly #clusters: Cluster[] = [];
  readonly #tasks = new Map<string, RunningTask[]>();
  readonly #stopping = new Map<string, { readonly task: RunningTask; readonly untilEpochMs: number }[]>();
  readonly #denied = new Set<string>();
  readonly #unreachable = new Map<string, Error>();
  readonly #unread = new Map<string, readonly UnreadSource[]>();
  readonly #clock: Clock;

  constructor(clock: Clock = () => 0) {
    this.#clock = clock;
  }

  addCluster(cluster: Cluster): this {
    this.#clusters.push(cluster);
    return this;
  }

  /** Starts tasks; the cluster is added where it is not there yet. */
  run(cluster: Cluster, ...tasks: readonly RunningTask[]): this {
    const key = clusterKey(cluster);
    if (!this.#clusters.some((known) => clusterKey(known) === key)) this.addCluster(cluster);
    this.#tasks.set(key, [...(this.#tasks.get(key) ?? []), ...tasks]);
    return this;
  }

  /** Tells every task of one workload to stop; their containers run on for a while. */
  stop(cluster: Cluster, workload: string): this {
    const key = clusterKey(cluster);
    const tasks = this.#tasks.get(key) ?? [];
    const untilEpochMs = this.#clock() + STOPS_FOR_MS;
    const stopping = tasks.filter((task) => task.workload === workload).map((task) => ({ task, untilEpochMs }));
    this.#tasks.set(
      key,
      tasks.filter((task) => task.workload !== workload),
    );
    this.#stopping.set(key, [...(this.#stopping.get(key) ?? []), ...stopping]);
    return this;
  }

  /** From now on the scope cannot be read. */
  deny(scope: Scope): this {
    this.#denied.add(registryKey(scope));
    return this;
  }

  /** The scope can be read again. */
  allow(scope: Scope): this {
    this.#denied.delete(registryKey(scope));
    return this;
  }

  /** The cluster is deleted with all that runs in it. */
  removeCluster(cluster: Cluster): this {
    const at = this.#clusters.findIndex((known) => clusterKey(known) === clusterKey(cluster));
    this.#clusters.splice(at, 1);
    this.#tasks.delete(clusterKey(cluster));
    return this;
  }

  /** From now on the cluster cannot be read, until it is reached again without an error. */
  failCluster(cluster: Cluster, error: Error | undefined): this {
    if (error) this.#unreachable.set(clusterKey(cluster), error);
    else this.#unreachable.delete(clusterKey(cluster));
    return this;
  }

  /** From now on these lists of possible starts cannot be read. */
  hideStarts(cluster: Cluster, ...lists: readonly StartList[]): this {
    const unread = lists.map((list) => ({
      ...{ list, error: 'ClusterForbiddenError', nextStep: 'Apply enforcement/access/read.yaml.' },
      problem: `the read role is not allowed to list ${startsText(list)} (403 Forbidden)`,
    }));
    this.#unread.set(clusterKey(cluster), unread);
    return this;
  }

  async *clusters(scope: Scope): AsyncIterable<Cluster> {
    this.#check(scope);
    for (const cluster of this.#clusters) if (registryKey(cluster) === registryKey(scope)) yield cluster;
  }

  async *tasks(
    cluster: Cluster,
    { includesStopping, noticeUnread }: TasksRead = { includesStopping: false },
  ): AsyncIterable<readonly RunningTask[]> {
    this.#check(cluster);
    const key = clusterKey(cluster);
    const error = this.#unreachable.get(key);
    if (error) throw error;
    const stopping = (this.#stopping.get(key) ?? []).filter(({ untilEpochMs }) => untilEpochMs > this.#clock());
    const unread = this.#unread.get(key) ?? [];
    for (const source of unread) noticeUnread?.(source);
    const hidden = new Set(unread.map(({ list }) => list));
    const isSeen = ({ isPossible, workloadKind }: RunningTask): boolean =>
      !isPossible || !listsShowing(workloadKind).some((list) => hidden.has(list));
    const known = (this.#tasks.get(key) ?? []).filter(isSeen);
    const running = known.filter(({ isPossible }) => !isPossible);
    const tasks = [
      ...running,
      ...(includesStopping ? stopping.map(({ task }) => task) : []),
      ...known.filter(({ isPossible }) => isPossible),
    ];
    for (let at = 0; at < tasks.length; at += PAGE) yield copied(tasks.slice(at, at + PAGE));
  }

  #check({ account, region }: Scope): void {
    if (!this.#denied.has(registryKey({ account, region }))) return;
    throw new ScopeUnreachableError({ account, region }, new Error('AccessDenied: the role cannot be taken'));
  }
}

const clusterKey = (cluster: Cluster): string => `${registryKey(cluster)}/${cluster.cluster}`;
