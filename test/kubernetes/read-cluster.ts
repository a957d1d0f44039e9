/**
 * `node --expose-gc test/kubernetes/read-cluster.ts CONFIG PLACE CREDENTIALS`: reads all pods of a cluster as the inventory
 * does, and prints what that took as JSON. A process of its own, so that nothing else is in its memory.
 */

import { subscribe } from 'node:diagnostics_channel';
import { EKSClient } from '@aws-sdk/client-eks';
import { EksWorkloads } from '../../shared/adapters/eks-workloads.ts';

export interface ClusterReading {
  readonly pods: number;
  /** Containers whose digest is known. */
  readonly digests: number;
  /** Requests for a page of pods. */
  readonly pages: number;
  /** The most that was reachable after a batch, beyond what was before the first request. */
  readonly mostHeapBytes: number;
  readonly mostResidentBytes: number;
  readonly seconds: number;
}

const [config = '{}', place = '{}', credentials = '{}'] = process.argv.slice(2);
const { gc } = globalThis;
if (!gc) throw new Error('Start this with --expose-gc: without it garbage would be counted as memory.');
const heapBytes = (): number => {
  gc();
  return process.memoryUsage().heapUsed;
};

let pages = 0;
subscribe('http.client.request.start', (message) => {
  const { request } = message as { readonly request: { readonly path: string } };
  if (request.path.startsWith('/api/v1/pods?')) pages += 1;
});

const source = new EksWorkloads({
  clients: () => new EKSClient(JSON.parse(config)),
  credentials: async () => JSON.parse(credentials),
  clock: Date.now,
});
const before = heapBytes();
const beganAtEpochMs = Date.now();
let [pods, digests, mostHeapBytes, mostResidentBytes] = [0, 0, 0, 0];
for await (const tasks of source.tasks(JSON.parse(place))) {
  pods += tasks.length;
  for (const { containers } of tasks) digests += containers.filter(({ digest }) => digest !== undefined).length;
  mostHeapBytes = Math.max(mostHeapBytes, heapBytes() - before);
  mostResidentBytes = Math.max(mostResidentBytes, process.memoryUsage().rss);
}
const seconds = (Date.now() - beganAtEpochMs) / 1000;
const reading: ClusterReading = { pods, digests, pages, mostHeapBytes, mostResidentBytes, seconds };
process.stdout.write(`${JSON.stringify(reading)}\n`);
