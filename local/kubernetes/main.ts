/**
 * `node local/kubernetes/main.ts ENDPOINT CLUSTERS`: serves EKS clusters of the embedded cloud at the endpoint, in a
 * process of its own that ends with the cloud. CLUSTERS is a JSON array of `ServedCluster`. Once all are served it prints
 * their endpoints as a JSON array of the same order.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { CloudAdmin } from '../cloud/admin-client.ts';
import { type ServedCluster, serveCluster } from './cluster-server.ts';

const POLL_MS = 500;

const [endpoint, clusters] = process.argv.slice(2);
if (endpoint === undefined || clusters === undefined) {
  throw new RangeError('usage: node local/kubernetes/main.ts ENDPOINT CLUSTERS');
}
const admin = new CloudAdmin(endpoint);
const servers = await Promise.all(
  (JSON.parse(clusters) as readonly ServedCluster[]).map((place) => serveCluster({ endpoint, admin }, place)),
);
process.stdout.write(`${JSON.stringify(servers.map((server) => server.endpoint))}\n`);

/** Twice: a kept connection may have been closed just then. */
const isUp = async (): Promise<boolean> => {
  for (let attempt = 1; attempt <= 2; attempt += 1) {
    try {
      await admin.killsMade();
      return true;
    } catch {}
  }
  return false;
};
while (await isUp()) await sleep(POLL_MS);
await Promise.all(servers.map((server) => server.stop()));
