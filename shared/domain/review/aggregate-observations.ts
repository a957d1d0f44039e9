import { byKey } from '../common/compare-texts.ts';
import { readImageReference } from '../image/reference.ts';
import type { Cluster, Observation, Pull, RunningContainer, RunningTask } from '../image/usage.ts';
import type { InventoryCounts } from './run.ts';

/** Aggregates the tasks of a scope piece by piece, so that memory stays constant. */
export interface Aggregator {
  /** Adds tasks; returns a piece to write when one is full. */
  add(cluster: Cluster, tasks: readonly RunningTask[]): Observation[] | undefined;
  /** The last piece; `undefined` if nothing is left. */
  flush(): Observation[] | undefined;
  /** The counts so far; a cluster without tasks counts once it is added. */
  counts(): Pick<InventoryCounts, 'clusters' | 'tasks' | 'containers' | 'possible'>;
}

/**
 * Sums equal containers of equal tasks into one observation. An observation may come back in a later piece; their
 * counts then add up, as `mergeUsages` does.
 * @param pieceSize the number of observations after which a piece is full
 * @param readAtEpochMs when the reading began
 */
export function aggregateObservations(pieceSize: number, readAtEpochMs: number): Aggregator {
  let piece = new Map<string, Observation>();
  const clusters = new Set<string>();
  const counted = { tasks: 0, containers: 0, possible: 0 };
  const flush = (): Observation[] | undefined => {
    const full = [...piece].sort(byKey).map(([, observation]) => observation);
    piece = new Map();
    return full.length > 0 ? full : undefined;
  };
  return {
    add(cluster, tasks) {
      clusters.add(cluster.cluster);
      for (const observation of tasks.flatMap((task) => observe(cluster, task, readAtEpochMs))) {
        const key = observationKey(observation);
        const same = piece.get(key);
        piece.set(key, same ? together(same, observation) : observation);
        if (!observation.isPossible) counted.containers += 1;
      }
      const possible = tasks.filter(({ isPossible }) => isPossible).length;
      counted.possible += possible;
      counted.tasks += tasks.length - possible;
      return piece.size >= pieceSize ? flush() : undefined;
    },
    flush,
    counts: () => ({ clusters: clusters.size, ...counted }),
  };
}

/** One without an instant may have begun at any time. */
function together(
  { notBeforeEpochMs: one, ...same }: Observation,
  { notBeforeEpochMs: other, count }: Observation,
): Observation {
  return {
    ...same,
    count: same.count + count,
    ...(one !== undefined && other !== undefined && { notBeforeEpochMs: Math.min(one, other) }),
  };
}

/** One observation for each container of a task. */
export const observe = (
  { account, region, cluster }: Cluster,
  task: RunningTask,
  readAtEpochMs: number,
): Observation[] =>
  task.containers.map((container) => ({
    account,
    region,
    cluster,
    workloadKind: task.workloadKind,
    workload: task.workload,
    container: container.name,
    count: 1,
    ...(task.isPossible && { isPossible: true }),
    ...(container.image !== undefined && { reference: container.image }),
    ...(task.architecture !== undefined && { architecture: task.architecture }),
    ...(task.notBeforeEpochMs !== undefined && { notBeforeEpochMs: task.notBeforeEpochMs }),
    ...imageOf(container, task.isStarting ? { endedAtEpochMs: readAtEpochMs } : task.pull),
  }));

/** The digest that the container runtime reports counts; without one, the digest in the reference. */
function imageOf(
  { image, digest }: RunningContainer,
  pull: Pull | undefined,
): Pick<Observation, 'digest' | 'digestSource' | 'location' | 'pull'> {
  const reference = readImageReference(image);
  const known = digest ?? reference?.digest;
  return {
    ...(known && { digest: known, digestSource: digest ? 'runtime' : 'reference' }),
    ...(reference?.location && { location: reference.location }),
    ...(!known && reference?.location && pull && { pull }),
  };
}

const observationKey = (observation: Observation): string =>
  JSON.stringify([
    observation.cluster,
    observation.workloadKind,
    observation.workload,
    observation.container,
    observation.isPossible,
    observation.digest,
    observation.digestSource,
    observation.reference,
    observation.architecture,
    observation.pull?.beganAtEpochMs,
    observation.pull?.endedAtEpochMs,
  ]);
