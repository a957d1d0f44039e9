import { DescribeClusterCommand, EKSClient, ListClustersCommand, ResourceNotFoundException } from '@aws-sdk/client-eks';
import { mockClient } from 'aws-sdk-client-mock';
import type { EksAccess } from '../../shared/adapters/eks-connection.ts';
import { EksDeployer } from '../../shared/adapters/eks-deployer.ts';
import { EksWorkloads } from '../../shared/adapters/eks-workloads.ts';
import { KUBERNETES_LIMITS } from '../../shared/adapters/kubernetes-api.ts';
import type { Pod } from '../../shared/domain/image/kubernetes-pod.ts';
import type { Cluster } from '../../shared/domain/image/usage.ts';
import type { Scope } from '../../shared/domain/review/run.ts';
import { KubernetesServer } from './kubernetes-server.ts';

const PODS = '/api/v1/pods';
const NODES = '/api/v1/nodes';
const REPLICA_SETS = '/apis/apps/v1/replicasets';
const JOBS = '/apis/batch/v1/jobs';

export const KEYS = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'secret', sessionToken: 'session' };

/** How EKS describes a cluster; the rest is that of its server. */
export interface Described {
  readonly status?: string;
  readonly endpoint?: string;
  readonly certificateAuthority?: { readonly data?: string };
  readonly resourcesVpcConfig?: { readonly endpointPublicAccess: boolean };
}

/** EKS clusters with real TLS servers, and EKS itself answered by hand. */
export class EksClusters {
  readonly clock = { nowEpochMs: Date.parse('2026-11-28T12:00:00Z') };
  readonly source: EksWorkloads;
  readonly deployer: EksDeployer;
  readonly described = new Map<string, Described>();
  readonly #servers = new Map<string, KubernetesServer>();
  readonly #denied = new Set<string>();

  constructor() {
    const eks = mockClient(EKSClient);
    const clients = new Map<string, EKSClient>();
    const places = new Map<EKSClient, Scope>();
    eks.on(ListClustersCommand).callsFake((input, getClient) => {
      const scope = this.#placeOf(places, getClient());
      const names = [...this.#servers.keys()].filter((key) => key.startsWith(placeKey(scope)));
      const from = Number(input.nextToken ?? 0);
      const to = from + (input.maxResults ?? 100);
      return {
        clusters: names.slice(from, to).map((key) => key.split('/')[2]),
        ...(to < names.length && { nextToken: String(to) }),
      };
    });
    eks.on(DescribeClusterCommand).callsFake((input, getClient) => {
      const key = `${placeKey(this.#placeOf(places, getClient()))}${input.name}`;
      const server = this.#servers.get(key);
      if (!server)
        throw new ResourceNotFoundException({ $metadata: {}, message: `No cluster found for name: ${input.name}.` });
      const data = Buffer.from(server.certificateAuthority).toString('base64');
      return {
        cluster: {
          ...{ name: input.name, status: 'ACTIVE', endpoint: server.url, certificateAuthority: { data } },
          resourcesVpcConfig: { endpointPublicAccess: true },
          ...this.described.get(key),
        },
      };
    });
    const access: EksAccess = {
      clients: (scope) => {
        const client = clients.get(placeKey(scope)) ?? new EKSClient({ region: scope.region });
        clients.set(placeKey(scope), client);
        places.set(client, scope);
        return client;
      },
      credentials: async () => KEYS,
      clock: () => this.clock.nowEpochMs,
      limits: { ...KUBERNETES_LIMITS, connectMs: 500, retry: { attempts: 3, wait: async () => {} } },
    };
    this.source = new EksWorkloads(access);
    this.deployer = new EksDeployer(access);
  }

  /** EKS refuses the role in this scope. */
  deny(scope: Scope): this {
    this.#denied.add(placeKey(scope));
    return this;
  }

  #placeOf(places: ReadonlyMap<EKSClient, Scope>, client: unknown): Scope {
    const scope = places.get(client as EKSClient) ?? { account: '', region: '' };
    if (this.#denied.has(placeKey(scope)))
      throw Object.assign(new Error('not authorized to perform: eks:ListClusters'), { name: 'AccessDeniedException' });
    return scope;
  }

  /** The server of a cluster, which is made if it is new. */
  async server(cluster: Cluster): Promise<KubernetesServer> {
    const key = `${placeKey(cluster)}${cluster.cluster}`;
    const known = this.#servers.get(key);
    if (known) return known;
    const server = await new KubernetesServer().start();
    for (const path of [PODS, NODES, REPLICA_SETS, JOBS]) server.collections.set(path, []);
    this.#servers.set(key, server);
    return server;
  }

  async describe(cluster: Cluster, described: Described): Promise<void> {
    await this.server(cluster);
    this.described.set(`${placeKey(cluster)}${cluster.cluster}`, described);
  }

  async add(cluster: Cluster, path: string, ...objects: readonly object[]): Promise<void> {
    const { collections } = await this.server(cluster);
    collections.set(path, [...(collections.get(path) ?? []), ...(objects as readonly Record<string, unknown>[])]);
  }

  addPods = (cluster: Cluster, ...pods: readonly Pod[]): Promise<void> => this.add(cluster, PODS, ...pods);

  addNode = (cluster: Cluster, name: string, architecture: string): Promise<void> =>
    this.add(cluster, NODES, { metadata: { name, labels: { 'kubernetes.io/arch': architecture } } });

  /** A ReplicaSet or Job with the object that owns it. */
  addOwned(cluster: Cluster, kind: 'ReplicaSet' | 'Job', uid: string, owner: object): Promise<void> {
    const path = kind === 'Job' ? JOBS : REPLICA_SETS;
    return this.add(cluster, path, { metadata: { name: uid, uid, ownerReferences: [{ controller: true, ...owner }] } });
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#servers.values()].map((server) => server.stop()));
  }
}

const placeKey = ({ account, region }: Scope): string => `${account}/${region}/`;
