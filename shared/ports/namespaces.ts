import type { DoorPlace } from '../domain/policy/doors.ts';

/** Namespaces of EKS clusters, as the API of each cluster itself tells. */
export interface NamespaceReads {
  /**
   * The value of the break-glass annotation; `undefined` if the namespace has none that may count, or if it or its cluster is gone.
   * @throws ClusterUnreachableError in one of its classes, AccountNotOursError
   */
  breakGlassOf(place: Required<DoorPlace>, signal: AbortSignal): Promise<string | undefined>;
}
