import {
  type AllowedImagesList,
  allowedImagesOf,
  excessOf,
  isNewerList,
  type ListSource,
  type Shard,
  shardsFor,
} from '../../shared/domain/admission/allowed-images.ts';
import type { Digest } from '../../shared/domain/image/image.ts';
import type { Cluster } from '../../shared/domain/image/usage.ts';
import type { ClusterLists } from '../../shared/ports/allowed-images.ts';
import { ListContendedError, ListTooLargeError } from './errors.ts';
import type { PublisherPorts } from './ports.ts';

export type WritingPorts = Pick<PublisherPorts, 'lists' | 'clock' | 'retry'>;

/** What the lists of one cluster are made of. */
export interface ClusterSource extends ListSource {
  readonly cluster: Cluster;
  /** The namespaces of the cluster in which an image runs. */
  readonly running: ReadonlyMap<Digest, readonly string[]>;
}

/**
 * Brings every list of a cluster up to date. A list that does not fit keeps no other one from being written.
 * @throws ListTooLargeError, ListContendedError; ClusterUnreachableError in one of its classes
 * @returns how many lists the cluster has; `undefined` if it was deleted
 */
export async function publishCluster(
  ports: WritingPorts,
  source: ClusterSource,
  signal: AbortSignal,
): Promise<number | undefined> {
  return ports.lists.inCluster(source.cluster, signal, async (lists) => {
    const shards = shardsFor(await lists.names());
    const failures: Error[] = [];
    for (const shard of shards) {
      const list = allowedImagesOf(source, shard, source.running);
      const excess = excessOf(list);
      if (excess === undefined) await publishList(ports, lists, source, shard, list);
      else if (!shard.isSpare) failures.push(new ListTooLargeError(source.cluster, shard.name, excess));
    }
    const [failure] = failures;
    if (failure) throw failure;
    return shards.length;
  });
}

/** An older reading never replaces a newer one: two publications may run at the same time. */
async function publishList(
  { clock, retry }: WritingPorts,
  lists: ClusterLists,
  { cluster, readAtEpochMs }: ClusterSource,
  { name }: Shard,
  list: AllowedImagesList,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const before = await lists.read(name);
    if (before && isNewerList(before.readAt, readAtEpochMs, clock())) return;
    if (await lists.write(name, list, before)) return;
    if (attempt >= retry.attempts) throw new ListContendedError(cluster, name, attempt);
    await retry.wait(attempt);
  }
}

/**
 * Ends every list of a cluster that still counts, so that it refuses nothing. It changes no other field: the door of a pod that
 * is updated looks into the list all the same.
 * @throws ListContendedError; ClusterUnreachableError in one of its classes
 * @returns how many lists it ended; `undefined` if the cluster was deleted
 */
export async function endLists(
  { lists, clock, retry }: WritingPorts,
  cluster: Cluster,
  signal: AbortSignal,
): Promise<number | undefined> {
  return lists.inCluster(cluster, signal, async (here) => {
    let ended = 0;
    for (const name of await here.names()) if (await endList(here, name)) ended += 1;
    return ended;
  });

  async function endList(here: ClusterLists, name: string): Promise<boolean> {
    for (let attempt = 1; ; attempt += 1) {
      const before = await here.read(name);
      if (!before || Date.parse(before.notAfter ?? '') <= clock()) return false;
      if (await here.end(name, new Date(clock()).toISOString(), before)) return true;
      if (attempt >= retry.attempts) throw new ListContendedError(cluster, name, attempt);
      await retry.wait(attempt);
    }
  }
}
