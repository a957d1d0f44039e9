import type { AllowedImagesList } from '../domain/admission/allowed-images.ts';
import type { Cluster } from '../domain/image/usage.ts';
import { ClusterUnreachableError, PUBLISHES } from './cluster-errors.ts';

/** A list as it is in a cluster. */
export interface StoredList {
  /** Of the object: another one after each write. */
  readonly version: string;
  /** As it is written there, by whomever; absent in the first lists. */
  readonly readAt?: string;
  /** As it is written there, by whomever; absent in a constraint without a list. */
  readonly notAfter?: string;
}

/** Lists by name. Each call throws ClusterUnreachableError in one of its classes. */
export interface ListsByName {
  /** `undefined` if nothing of that name holds a list. */
  read(name: string): Promise<StoredList | undefined>;
  /**
   * Writes a list if it is still as it was read, or still absent; otherwise `false`.
   * @throws ListRefusedError, ListUnknownError
   */
  write(name: string, list: AllowedImagesList, before: StoredList | undefined): Promise<boolean>;
  /**
   * Changes only the instant until which a list counts, if it is still as it was read; otherwise `false`.
   * @param notAfter in ISO 8601
   * @throws ListUnknownError
   */
  end(name: string, notAfter: string, before: StoredList): Promise<boolean>;
}

/** The lists of one cluster. Each call throws ClusterUnreachableError in one of its classes. */
export interface ClusterLists extends ListsByName {
  /** The names of all objects that are a list. @throws ListsUndefinedError */
  names(): Promise<readonly string[]>;
  /** What constraints of Gatekeeper hold, by the names of these. A constraint that is absent is not made: `write` is `false`. */
  readonly constraints: ListsByName;
}

/** The lists of allowed images in clusters, for their doors. */
export interface PublishedLists {
  /**
   * Connects to one cluster for as long as the work takes.
   * @param signal ends the connection
   * @throws what the work throws; ClusterUnreachableError in one of its classes
   * @returns what the work returns; `undefined` if the cluster was deleted
   */
  inCluster<Result>(
    cluster: Cluster,
    signal: AbortSignal,
    work: (lists: ClusterLists) => Promise<Result>,
  ): Promise<Result | undefined>;
}

const DEFINITION =
  'Apply allowed-images-definition.yaml, which `npm run enforcement:build` of this version writes, to the cluster.';
const CONSTRAINTS = 'Apply gatekeeper.yaml, which `npm run enforcement:build` of this version writes, to the cluster.';

/** The cluster has no definition of the lists, and no constraint that holds one. */
export class ListsUndefinedError extends ClusterUnreachableError {
  override readonly name = 'ListsUndefinedError';
  constructor(cluster: Cluster, cause?: unknown) {
    const advice = `${DEFINITION} If Gatekeeper decides there, apply gatekeeper.yaml in its place.`;
    super(cluster, 'it has no definition of AllowedImages, and no constraint of Patchwave', advice, cause, PUBLISHES);
  }
}

/** The cluster refuses a list: its definition is of another version, or a policy of the cluster denies the change. */
export class ListRefusedError extends ClusterUnreachableError {
  override readonly name = 'ListRefusedError';
  constructor(cluster: Cluster, list: string, message: string, holder: 'object' | 'constraint' = 'object') {
    const remedy = holder === 'object' ? DEFINITION : CONSTRAINTS;
    const advice = `${remedy} If that does not help, let no admission policy of the cluster keep Patchwave from writing it.`;
    super(cluster, `it refuses the list ${list}: ${message.replace(/\.$/, '')}`, advice, undefined, PUBLISHES);
  }
}

/** The answer to the write of a list was lost. */
export class ListUnknownError extends ClusterUnreachableError {
  override readonly name = 'ListUnknownError';
  constructor(cluster: Cluster, list: string, cause: Error) {
    const problem = `it may not have the list ${list} (${cause.message})`;
    super(cluster, problem, 'The next publication tries again.', cause, PUBLISHES);
  }
}
