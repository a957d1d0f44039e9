/** Starts the clusters of a cloud beside it. */

import { fileURLToPath } from 'node:url';
import { type Companion, startAnsweringCompanion } from '../companion.ts';
import type { ServedCluster } from './cluster-server.ts';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));

export interface ServedClusters extends Companion {
  /** Of the API servers, in the order of the clusters. */
  readonly endpoints: readonly string[];
}

/** Serves EKS clusters of the cloud at an endpoint, until that is gone. */
export async function startClusters(endpoint: string, clusters: readonly ServedCluster[]): Promise<ServedClusters> {
  const { firstLine, ended } = await startAnsweringCompanion(MAIN, [endpoint, JSON.stringify(clusters)]);
  return { endpoints: JSON.parse(firstLine) as string[], ended };
}
