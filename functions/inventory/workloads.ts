import { collect, mapConcurrently } from '../../shared/concurrency.ts';
import { MINUTE_MS } from '../../shared/domain/common/time.ts';
import { type UnreadReason, type UnreadSource, unreadStarts } from '../../shared/domain/image/possible-starts.ts';
import type { Cluster, Observation, RunningTask } from '../../shared/domain/image/usage.ts';
import { doorPlaceOf } from '../../shared/domain/policy/doors.ts';
import { type Aggregator, aggregateObservations } from '../../shared/domain/review/aggregate-observations.ts';
import { clusterListOf, type InventoryCounts, keyOfScope, type Scope } from '../../shared/domain/review/run.ts';
import {
  ClustersUnlistedError,
  ClusterUnfinishedError,
  ClusterUnreachableError,
} from '../../shared/ports/cluster-errors.ts';
import { ScopeUnreachableError, TooManySchedulesError } from '../../shared/ports/errors.ts';
import type { RunLedger } from '../../shared/ports/ledger.ts';
import type { Retry } from '../../shared/ports/retry.ts';
import type { RunFiles } from '../../shared/ports/run-files.ts';
import type { StarterSource, StartInCluster } from '../../shared/ports/starts.ts';
import type { TasksRead, WorkloadSource } from '../../shared/ports/workloads.ts';
import { type observationsCompleteDocument, runFileKeys } from '../../shared/review/documents.ts';
import type * as v from '../../shared/schema.ts';
import type { InventoryActionInput } from './input.ts';
import { bringBack, type LeavingPorts } from './put-aside.ts';
import { ServicesWithoutTask } from './services-at-zero.ts';

/** Observations kept in memory before they are stored; about 1 MB. */
const PIECE_SIZE = 2000;

/** An unreachable cluster takes 3 seconds, and a page of each cluster is in memory. */
const CLUSTERS_AT_ONCE = 4;

/** 10,000 pods take seconds. A server that answers slowly must not take the time of the other clusters. */
const MOST_OF_A_CLUSTER_MS = 4 * MINUTE_MS;

/** No attempt to read what may start begins later: the clusters of EKS need the time of the function, too. */
const MOST_OF_STARTS_MS = MINUTE_MS;

export interface WorkloadsPorts extends LeavingPorts {
  /** Every kind of source that may run workloads in a scope. */
  readonly workloadSources: readonly WorkloadSource[];
  /** Every kind of source that may start workloads in clusters of a scope. */
  readonly startSources: readonly StarterSource[];
  /** Sources whose clusters are scopes of their own; empty if Patchwave does not read them. */
  readonly clusterSources: readonly WorkloadSource[];
  readonly runs: Pick<RunLedger, 'recordPart'>;
  readonly files: RunFiles;
  /** Between attempts to list the clusters of an account and Region, and what may start there. */
  readonly retry: Retry;
  /** No cluster is read after this instant; absent without a limit. */
  readonly endsAtEpochMs?: number;
}

export type WorkloadsReading =
  | { readonly status: 'left' }
  | { readonly status: 'complete'; readonly inventory: Omit<InventoryCounts, 'usages' | 'unresolved'> }
  | { readonly status: 'failed'; readonly error: string };

/**
 * Reads everything that runs in one scope, and then each of its EKS clusters as a scope of its own, also if the rest
 * cannot be read. On success the step `usages` writes the run part later. This step writes it only for a scope or a
 * cluster that is unreadable, which leaves all others unchanged.
 */
export async function readWorkloads(
  ports: WorkloadsPorts,
  { runId, scope, includesStopping = false }: InventoryActionInput<'workloads'>,
): Promise<WorkloadsReading> {
  const left = (await ports.scopes.get(scope))?.left;
  if (left && !left.isBack) return { status: 'left' };
  // Also if the scope is unreadable now: what ran there counts as running again.
  if (left) await bringBack(ports, scope);
  const clusters = await listClusters(ports, scope);
  let failure: unknown;
  let inventory: Omit<InventoryCounts, 'usages' | 'unresolved'> | undefined;
  try {
    inventory = await readRest(ports, runId, scope, { includesStopping, ...eksClustersOf(clusters) });
  } catch (error) {
    failure = error;
  }
  const unreachable = failure instanceof ScopeUnreachableError ? failure : undefined;
  if (unreachable) await recordFailure(ports, runId, scope, unreachable);
  if (clusters && isListed(clusters)) {
    // No reading of the rest names them then.
    if (failure) await ports.files.put(runFileKeys(runId).clusters(scope), namesOf(clusters));
    await readClusters(ports, runId, clusters);
  } else if (clusters && unreachable) await failClusters(ports, runId, scope, unreachable, []);
  else if (clusters && !failure) await failClusters(ports, runId, scope, clusters, [clusterListOf(scope)]);
  if (inventory) return { status: 'complete', inventory };
  if (unreachable) return { status: 'failed', error: unreachable.name };
  throw failure;
}

/** Everything in an account and Region that is no scope of its own. */
const readRest = (ports: WorkloadsPorts, runId: string, scope: Scope, reading: Reading) =>
  observe(ports, runId, scope, reading, async (add) => {
    // One for each list: the clusters of an account have the same read role.
    const unread = new Map<UnreadSource['list'], UnreadSource>();
    const read = { ...reading, noticeUnread: (one: UnreadSource) => void unread.set(one.list, one) };
    const clusters: Cluster[] = [];
    const stopped = new ServicesWithoutTask();
    for (const source of ports.workloadSources) {
      for await (const cluster of source.clusters(scope)) {
        clusters.push(cluster);
        await add(cluster, []);
        for await (const tasks of source.tasks(cluster, read)) {
          stopped.note(cluster, tasks);
          await add(cluster, tasks);
        }
      }
    }
    for (const source of ports.startSources) {
      for (const { cluster, task } of await readStarts(ports, source, { scope, clusters }, read.noticeUnread)) {
        stopped.noteStart(cluster, task);
        await add(cluster, [task]);
      }
    }
    // What no list shows may schedule a service.
    const atZero = stopped.atZero(ports.startSources.some(({ list }) => unread.has(list)));
    return { ...(atZero.length > 0 && { atZero }), ...(unread.size > 0 && { unreadSources: [...unread.values()] }) };
  });

/**
 * No failure of these lists stops the reading of what runs, so the state machine does not see it: it is retried here. A refusal and
 * a list that is too long are final.
 */
async function readStarts(
  { retry, clock }: WorkloadsPorts,
  source: StarterSource,
  { scope, clusters }: { readonly scope: Scope; readonly clusters: readonly Cluster[] },
  noticeUnread: (one: UnreadSource) => void,
): Promise<readonly StartInCluster[]> {
  if (clusters.length === 0) return [];
  const lastEpochMs = clock() + MOST_OF_STARTS_MS;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await source.starts(scope, clusters);
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown : new Error(String(thrown));
      const reason = reasonOf(error);
      if (reason !== 'failed' || attempt >= retry.attempts || clock() >= lastEpochMs) {
        noticeUnread(unreadStarts(source.list, scope.account, error, reason));
        return [];
      }
      await retry.wait(attempt);
    }
  }
}

function reasonOf(error: Error): UnreadReason {
  if (error instanceof ScopeUnreachableError) return 'refused';
  return error instanceof TooManySchedulesError ? 'too-long' : 'failed';
}

/** How a scope is read, as its `complete.json` says it. */
type Reading = Pick<TasksRead, 'includesStopping'> & { readonly eksClusters?: readonly string[] | 'unread' };

const eksClustersOf = (clusters: Listing): Pick<Reading, 'eksClusters'> =>
  clusters ? { eksClusters: isListed(clusters) ? namesOf(clusters) : 'unread' } : {};

/** The clusters that are scopes of their own, or why they cannot be listed; `undefined` if Patchwave reads none. */
type Listing = readonly ListedCluster[] | ClustersUnlistedError | undefined;

interface ListedCluster {
  readonly source: WorkloadSource;
  readonly cluster: Cluster;
}

const isListed = (clusters: NonNullable<Listing>): clusters is readonly ListedCluster[] => !(clusters instanceof Error);

const namesOf = (clusters: readonly ListedCluster[]): string[] => clusters.map(({ cluster }) => cluster.cluster).sort();

/**
 * No failure of the list stops the reading of the rest, so the state machine does not see it: it is retried here. A
 * refusal is final.
 */
async function listClusters({ clusterSources, retry }: WorkloadsPorts, scope: Scope): Promise<Listing> {
  if (clusterSources.length === 0) return undefined;
  for (let attempt = 1; ; attempt += 1) {
    try {
      const found: ListedCluster[] = [];
      for (const source of clusterSources)
        for await (const cluster of source.clusters(scope)) found.push({ source, cluster });
      return found;
    } catch (error) {
      if (error instanceof ScopeUnreachableError || attempt >= retry.attempts)
        return new ClustersUnlistedError(scope, error instanceof Error ? error : new Error(String(error)));
      await retry.wait(attempt);
    }
  }
}

/** A cluster has a record before it is read: from then on nothing closes without it. */
async function readClusters(ports: WorkloadsPorts, runId: string, clusters: readonly ListedCluster[]): Promise<void> {
  const errors: unknown[] = [];
  await mapConcurrently(clusters, CLUSTERS_AT_ONCE, async ({ source, cluster }) => {
    const { account, region, cluster: eksCluster } = cluster;
    const scope = { account, region, eksCluster };
    const known = await ports.scopes.change(scope, (before) => (before ? undefined : { scope }));
    if (known?.left) await bringBack(ports, scope);
    try {
      const { clock, endsAtEpochMs: lastEpochMs = Number.POSITIVE_INFINITY } = ports;
      if (clock() >= lastEpochMs) throw new ClusterUnfinishedError(cluster);
      const endsAtEpochMs = Math.min(clock() + MOST_OF_A_CLUSTER_MS, lastEpochMs);
      // A pod that is being deleted is listed like any other, so the reading always includes it.
      const beforeEpochMs = known?.completeAtEpochMs;
      await observe(ports, runId, scope, { includesStopping: true }, async (add) => {
        await add(cluster, []);
        let isPrivate = false as boolean;
        const unreadSources: UnreadSource[] = [];
        const read = {
          includesStopping: true,
          endsAtEpochMs,
          ...(beforeEpochMs !== undefined && { beforeEpochMs }),
          noticeFunction: () => {
            isPrivate = true;
          },
          noticeUnread: (unread: UnreadSource) => void unreadSources.push(unread),
        };
        const newest = new Map<string, number>();
        for await (const pods of source.tasks(cluster, read)) {
          noteNewest(newest, cluster, pods);
          await add(cluster, pods);
        }
        const newestPods = [...newest].map(([namespace, createdAtEpochMs]) => ({ namespace, createdAtEpochMs }));
        return {
          ...(isPrivate && { isPrivate: true }),
          ...(unreadSources.length > 0 && { unreadSources }),
          ...(newestPods.length > 0 && { newestPods }),
        };
      });
    } catch (error) {
      if (error instanceof ClusterUnreachableError) await recordFailure(ports, runId, scope, error);
      else errors.push(error);
    }
  });
  // The state machine tries again, after every other cluster was read.
  if (errors.length > 0) throw errors[0];
}

/** Kubernetes supports no more in a cluster: https://github.com/kubernetes/community/blob/main/sig-scalability/configs-and-limits/thresholds.md */
const MOST_NAMESPACES = 10_000;

function noteNewest(newest: Map<string, number>, cluster: Cluster, pods: readonly RunningTask[]): void {
  for (const { createdAtEpochMs, isPossible, workload, workloadKind } of pods) {
    const { namespace } = doorPlaceOf({ ...cluster, workload, workloadKind });
    if (createdAtEpochMs === undefined || isPossible || namespace === undefined) continue;
    if (!newest.has(namespace) && newest.size >= MOST_NAMESPACES) continue;
    newest.set(namespace, Math.max(newest.get(namespace) ?? 0, createdAtEpochMs));
  }
}

/** What ran in the known clusters counts as running until they are read again. */
async function failClusters(
  ports: WorkloadsPorts,
  runId: string,
  scope: Scope,
  error: Error,
  others: readonly Scope[],
): Promise<void> {
  const known = await collect(ports.scopes.clusters(scope));
  for (const { scope: cluster, left } of known) if (left) await bringBack(ports, cluster);
  const failed = new Map([...known.map((record) => record.scope), ...others].map((one) => [keyOfScope(one), one]));
  for (const one of failed.values()) await recordFailure(ports, runId, one, error);
}

type Complete = v.InferOutput<typeof observationsCompleteDocument>;

type Add = (cluster: Cluster, tasks: Parameters<Aggregator['add']>[1]) => Promise<void>;

/** `complete.json` is written last, after everything was read: without it no later step trusts the scope. */
async function observe(
  { files, clock }: WorkloadsPorts,
  runId: string,
  scope: Scope,
  reading: Reading,
  read: (add: Add) => Promise<Pick<Complete, 'atZero' | 'isPrivate' | 'unreadSources' | 'newestPods'>>,
) {
  const keys = runFileKeys(runId);
  const beganAtEpochMs = clock();
  const seen = aggregateObservations(PIECE_SIZE, beganAtEpochMs);
  let pieces = 0;
  const putAside = async (piece: readonly Observation[] | undefined): Promise<void> => {
    if (!piece) return;
    pieces += 1;
    await files.put(keys.observations(scope, { beganAtEpochMs }, pieces), piece);
  };
  const noticed = await read(async (cluster, tasks) => putAside(seen.add(cluster, tasks)));
  await putAside(seen.flush());
  const counts = seen.counts();
  const inventory = { ...counts, usages: 0, unresolved: 0 };
  await files.put(keys.observationsComplete(scope), { beganAtEpochMs, pieces, inventory, ...reading, ...noticed });
  return counts;
}

async function recordFailure(
  { runs, scopes, clock }: WorkloadsPorts,
  runId: string,
  scope: Scope,
  { name: error, message: detail }: Error,
): Promise<void> {
  const before = await scopes.get(scope);
  const sinceEpochMs = before?.failure?.sinceEpochMs ?? clock();
  await scopes.record({ ...before, scope, failure: { error, detail, sinceEpochMs } });
  await runs.recordPart(runId, {
    kind: 'scope',
    key: keyOfScope(scope),
    result: { scope, status: 'failed', error, detail },
  });
}
