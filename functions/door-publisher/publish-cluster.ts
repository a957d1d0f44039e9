import {
  type AllowedImagesList,
  allowedImagesOf,
  CONSTRAINT_NAMES,
  excessOf,
  isNewerList,
  type ListSource,
  shardsFor,
  WHOLE,
} from '../../shared/domain/admission/allowed-images.ts';
import type { Digest } from '../../shared/domain/image/image.ts';
import type { Cluster } from '../../shared/domain/image/usage.ts';
import { type ClusterLists, type ListsByName, ListsUndefinedError } from '../../shared/ports/allowed-images.ts';
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
 * Brings every list of a cluster up to date: the objects, and those that constraints of Gatekeeper hold. A list that does not fit
 * keeps no other one from being written, and no failure with the objects keeps the constraints from it.
 * @throws ListTooLargeError, ListContendedError; ClusterUnreachableError in one of its classes
 * @returns how many lists the cluster has; `undefined` if it was deleted
 */
export async function publishCluster(
  ports: WritingPorts,
  source: ClusterSource,
  signal: AbortSignal,
): Promise<number | undefined> {
  return ports.lists.inCluster(source.cluster, signal, async (lists) =>
    ofBoth(
      () => publishObjects(ports, lists, source),
      () => publishConstraints(ports, lists.constraints, source),
    ),
  );
}

/** A cluster may have objects, constraints, or both. @throws the first failure after both; ListsUndefinedError if it has none */
async function ofBoth(objects: () => Promise<number>, constraints: () => Promise<number>): Promise<number> {
  const [first, second] = [await attempted(objects), await attempted(constraints)];
  const areUndefined = first.failure instanceof ListsUndefinedError && (second.lists > 0 || second.failure);
  const failure = areUndefined ? second.failure : (first.failure ?? second.failure);
  if (failure) throw failure;
  return first.lists + second.lists;
}

interface Attempted {
  readonly lists: number;
  readonly failure?: Error;
}

const attempted = (work: () => Promise<number>): Promise<Attempted> =>
  work().then(
    (lists) => ({ lists }),
    (failure: Error) => ({ lists: 0, failure }),
  );

async function publishObjects(ports: WritingPorts, lists: ClusterLists, source: ClusterSource): Promise<number> {
  const shards = shardsFor(await lists.names());
  const failures: Error[] = [];
  for (const shard of shards) {
    const list = allowedImagesOf(source, shard, source.running);
    const excess = excessOf(list);
    if (excess === undefined) await publishList(ports, lists, source, shard.name, list, 'made');
    else if (!shard.isSpare) failures.push(new ListTooLargeError(source.cluster, shard.name, excess));
  }
  const [failure] = failures;
  if (failure) throw failure;
  return shards.length;
}

/** Each constraint that is there gets the list of all images. */
async function publishConstraints(ports: WritingPorts, lists: ListsByName, source: ClusterSource): Promise<number> {
  const list = allowedImagesOf(source, WHOLE, source.running);
  const excess = excessOf(list);
  let found = 0;
  for (const name of CONSTRAINT_NAMES) {
    if (excess === undefined) found += (await publishList(ports, lists, source, name, list, 'left')) ? 1 : 0;
    else if (await lists.read(name)) throw new ListTooLargeError(source.cluster, name, excess);
  }
  return found;
}

/**
 * An older reading never replaces a newer one: two publications may run at the same time.
 * @param absent what becomes of a list that is not there
 * @returns whether it is there
 */
async function publishList(
  { clock, retry }: WritingPorts,
  lists: ListsByName,
  { cluster, readAtEpochMs }: ClusterSource,
  name: string,
  list: AllowedImagesList,
  absent: 'made' | 'left',
): Promise<boolean> {
  for (let attempt = 1; ; attempt += 1) {
    const before = await lists.read(name);
    if (!before && absent === 'left') return false;
    if (before && isNewerList(before.readAt, readAtEpochMs, clock())) return true;
    if (await lists.write(name, list, before)) return true;
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
  return lists.inCluster(cluster, signal, async (here) =>
    ofBoth(
      async () => endAll(here, await here.names()),
      () => endAll(here.constraints, CONSTRAINT_NAMES),
    ),
  );

  async function endAll(here: ListsByName, names: readonly string[]): Promise<number> {
    let ended = 0;
    for (const name of names) if (await endList(here, name)) ended += 1;
    return ended;
  }

  async function endList(here: ListsByName, name: string): Promise<boolean> {
    for (let attempt = 1; ; attempt += 1) {
      const before = await here.read(name);
      // A constraint may have none.
      if (before?.notAfter === undefined || Date.parse(before.notAfter) <= clock()) return false;
      if (await here.end(name, new Date(clock()).toISOString(), before)) return true;
      if (attempt >= retry.attempts) throw new ListContendedError(cluster, name, attempt);
      await retry.wait(attempt);
    }
  }
}
