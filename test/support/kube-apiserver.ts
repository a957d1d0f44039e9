/** The real kube-apiserver with an etcd of its own, for a cluster of the embedded cloud's EKS. */

import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterPlace, IssuedCertificate } from '../../local/cloud/admin-types.ts';
import type { Cloud } from '../../local/cloud.ts';
import { AdminApi } from '../../local/kubernetes/admin-api.ts';
import type { KubernetesPrograms } from '../../scripts/kubernetes.ts';
import type { KubernetesAddress } from './kubernetes.ts';

const START_LIMIT_MS = 60_000;
/** How long the server remembers the answer of the webhook. */
const REVIEW_CACHED_MS = 1000;
/** How long it remembers that a token was accepted: 10 s more, which no option changes. */
export const TOKENS_CACHED_MS = REVIEW_CACHED_MS + 10_000;
/** How often etcd drops old revisions, as in EKS. */
const COMPACTED_EACH_MS = 300_000;

export interface KubeApiserver extends KubernetesAddress {
  readonly admin: AdminApi;
  /** What `admin` proves itself with: a member of `system:masters`. */
  readonly administrator: IssuedCertificate;
  /** Another server of the same cluster, which answers only two requests at a time. */
  busy(): Promise<KubernetesAddress>;
  stop(): Promise<void>;
}

/**
 * Starts the servers (3 s) and tells EKS the endpoint. Tokens are reviewed by the embedded cloud's EKS.
 * @param compactedEachMs how soon a list that is not read to its end expires
 */
export async function startKubeApiserver(
  { etcd, apiServer }: KubernetesPrograms,
  { admin: cloud }: Cloud,
  place: ClusterPlace,
  compactedEachMs = COMPACTED_EACH_MS,
): Promise<KubeApiserver> {
  const folder = await mkdtemp(join(tmpdir(), 'patchwave-kube-apiserver-'));
  const children: ChildProcess[] = [];
  const start = (program: string, name: string, args: readonly string[]) => {
    const log = createWriteStream(join(folder, `${name}.log`));
    const child = spawn(program, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.pipe(log);
    child.stderr.pipe(log);
    children.push(child);
  };
  const stop = async () => {
    admin?.close();
    await Promise.all(children.map(ended));
    await rm(folder, { recursive: true, force: true });
  };
  let admin: AdminApi | undefined;
  try {
    const { certificateAuthority, tokenReviewUrl } = await cloud.clusterAuthority(place);
    const hosts = ['localhost', '127.0.0.1'];
    const server = await cloud.issueCertificate(place, { commonName: 'kube-apiserver', hosts });
    const administrator = { commonName: 'admin', organizations: ['system:masters'] };
    const client = await cloud.issueCertificate(place, administrator);
    const files = {
      'ca.crt': certificateAuthority,
      'server.crt': server.certificate,
      'server.key': server.key,
      'sa.key': serviceAccountKey(),
      'token-review.json': JSON.stringify(webhookAt(tokenReviewUrl)),
    };
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text, { mode: 0o600 });
    const [etcdPort, peerPort] = [await freePort(), await freePort()];
    start(etcd, 'etcd', etcdFlags(etcdPort, peerPort));
    const serve = async (name: string, more: readonly string[]): Promise<[KubernetesAddress, AdminApi]> => {
      const port = await freePort();
      start(apiServer, name, [
        ...apiServerFlags(etcdPort, port, compactedEachMs),
        '--cert-dir',
        join(folder, name),
        ...more,
      ]);
      const address = { endpoint: `https://127.0.0.1:${port}`, certificateAuthority };
      const api = new AdminApi(address, client);
      await readiness(api, join(folder, `${name}.log`));
      return [address, api];
    };
    const [address, api] = await serve('kube-apiserver', []);
    admin = api;
    await cloud.changeCluster({ ...place, endpoint: address.endpoint });
    const limits = ['--enable-priority-and-fairness=false', '--max-requests-inflight', '2'];
    return {
      ...address,
      admin: api,
      administrator: client,
      busy: async () => {
        const [other, otherAdmin] = await serve('busy', limits);
        otherAdmin.close();
        return other;
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

const etcdFlags = (port: number, peerPort: number): readonly string[] => {
  const [client, peer] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${peerPort}`];
  return [
    ...['--data-dir', 'etcd-data', '--listen-client-urls', client, '--advertise-client-urls', client],
    ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', `default=${peer}`],
    ...['--unsafe-no-fsync', '--log-level', 'warn'],
  ];
};

/** Nothing makes service accounts here, so the plug-in that asks for one in every pod is off. */
const apiServerFlags = (etcdPort: number, port: number, compactedEachMs: number): readonly string[] => [
  ...['--etcd-servers', `http://127.0.0.1:${etcdPort}`, '--etcd-compaction-interval', `${compactedEachMs}ms`],
  ...['--secure-port', String(port), '--bind-address', '127.0.0.1', '--advertise-address', '127.0.0.1'],
  ...['--tls-cert-file', 'server.crt', '--tls-private-key-file', 'server.key', '--client-ca-file', 'ca.crt'],
  ...['--service-account-issuer', 'https://kubernetes.default.svc', '--service-account-key-file', 'sa.key'],
  ...['--service-account-signing-key-file', 'sa.key', '--service-cluster-ip-range', '127.100.0.0/16'],
  // As in EKS: without it the server refuses privileged pods itself.
  '--allow-privileged',
  ...['--authorization-mode', 'RBAC', '--disable-admission-plugins', 'ServiceAccount'],
  ...['--authentication-token-webhook-config-file', 'token-review.json'],
  ...['--authentication-token-webhook-version', 'v1'],
  ...['--authentication-token-webhook-cache-ttl', `${REVIEW_CACHED_MS}ms`],
];

/** A kubeconfig, which may be JSON. */
const webhookAt = (server: string) => ({
  ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'eks' },
  clusters: [{ name: 'eks', cluster: { server } }],
  users: [{ name: 'kube-apiserver', user: {} }],
  contexts: [{ name: 'eks', context: { cluster: 'eks', user: 'kube-apiserver' } }],
});

const serviceAccountKey = (): string =>
  generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  }).privateKey;

async function readiness(api: AdminApi, log: string): Promise<void> {
  for (const giveUpAtEpochMs = Date.now() + START_LIMIT_MS; !(await api.isReady()); await sleep(100)) {
    if (Date.now() < giveUpAtEpochMs) continue;
    const end = (await readFile(log, 'utf8').catch(() => '')).trim().split('\n').slice(-15).join('\n');
    throw new Error(`kube-apiserver was not ready after ${START_LIMIT_MS / 1000} s:\n${end}`);
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => (address === null || typeof address === 'string' ? reject(address) : resolve(address.port)));
    });
  });
}

/** All state is thrown away, so there is nothing to end in order. */
function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGKILL');
  return exited;
}
