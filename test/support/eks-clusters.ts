import { DescribeClusterCommand, EKSClient, ListClustersCommand, ResourceNotFoundException } from '@aws-sdk/client-eks';
import { InvokeCommand, type InvokeCommandOutput, LambdaClient } from '@aws-sdk/client-lambda';
import { expect } from '@jest/globals';
import { mockClient } from 'aws-sdk-client-mock';
import { readPage } from '../../functions/inventory-in-vpc/read-page.ts';
import { connectEks, type EksAccess } from '../../shared/adapters/eks-connection.ts';
import { EksDeployer } from '../../shared/adapters/eks-deployer.ts';
import { EksWorkloads } from '../../shared/adapters/eks-workloads.ts';
import { LambdaFunctionsInVpcs } from '../../shared/adapters/functions-in-vpcs.ts';
import { KUBERNETES_LIMITS } from '../../shared/adapters/kubernetes-api.ts';
import { KubernetesPages } from '../../shared/adapters/kubernetes-pages.ts';
import { type ClusterPageRequest, clusterPageRequest } from '../../shared/domain/image/cluster-facts.ts';
import type { Pod } from '../../shared/domain/image/kubernetes-pod.ts';
import type { Cluster } from '../../shared/domain/image/usage.ts';
import type { Scope } from '../../shared/domain/review/run.ts';
import { READS, READS_IN_VPC } from '../../shared/ports/cluster-errors.ts';
import type { ClusterPages } from '../../shared/ports/cluster-pages.ts';
import { parse } from '../../shared/schema.ts';
import { KubernetesServer } from './kubernetes-server.ts';

const PODS = '/api/v1/pods';
const NODES = '/api/v1/nodes';
const REPLICA_SETS = '/apis/apps/v1/replicasets';
const JOBS = '/apis/batch/v1/jobs';
const TEMPLATES = ['deployments', 'statefulsets', 'daemonsets'].map((name) => `/apis/apps/v1/${name}`);
const CRON_JOBS = '/apis/batch/v1/cronjobs';

export const KEYS = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'secret', sessionToken: 'session' };

/** How EKS describes a cluster; the rest is that of its server. */
export interface Described {
  readonly status?: string;
  readonly endpoint?: string;
  readonly certificateAuthority?: { readonly data?: string };
  readonly resourcesVpcConfig?: { readonly endpointPublicAccess: boolean; readonly vpcId?: string };
}

/** The VPC of every cluster. */
export const VPC = 'vpc-0123456789abcdef0';
/** The most pods that are read of a cluster. */
export const MOST_PODS = 12_000;
/** The function of every account in that VPC. */
export const FUNCTION = `PatchwaveRead-${VPC}`;

/** An invocation in the place of the usual one; `undefined` for the usual one. */
type Invocation = (request: ClusterPageRequest) => Promise<InvokeCommandOutput> | InvokeCommandOutput | undefined;

export const answered = (answer: unknown): InvokeCommandOutput => payload({}, JSON.stringify(answer));

/** How Lambda answers for a function that throws. */
export const thrown = (errorType: string, errorMessage: string): InvokeCommandOutput =>
  payload({ FunctionError: 'Unhandled' }, JSON.stringify({ errorType, errorMessage, trace: [] }));

export const payload = (output: Partial<InvokeCommandOutput>, text: string): InvokeCommandOutput => ({
  ...{ $metadata: {}, StatusCode: 200, ...output },
  Payload: Object.assign(Buffer.from(text), { transformToString: () => text }),
});

/**
 * EKS clusters with real TLS servers, and EKS and Lambda themselves answered by hand. With `arePrivate` only the function in
 * the VPC of the clusters has a route to them.
 */
export class EksClusters {
  readonly clock = { nowEpochMs: Date.parse('2026-11-28T12:00:00Z') };
  readonly access: EksAccess;
  readonly source: EksWorkloads;
  readonly deployer: EksDeployer;
  readonly described = new Map<string, Described>();
  readonly #servers = new Map<string, KubernetesServer>();
  readonly #denied = new Set<string>();
  /** The first that answers an invocation wins. */
  readonly invocations: Invocation[] = [];
  /** What the function was asked, without `DryRun`. */
  readonly requests: ClusterPageRequest[] = [];
  /** How Lambda refuses the call of the function. */
  refusal: Error | undefined;

  /** The lists of a cluster, by its API or by the function in its VPC. */
  readonly pagesOf: (cluster: Cluster) => Promise<ClusterPages | undefined>;

  constructor({ arePrivate = false }: { readonly arePrivate?: boolean } = {}) {
    const clients = new Map<string, EKSClient>();
    const access: EksAccess = {
      clients: (scope) => {
        const client = clients.get(placeKey(scope)) ?? this.#eks(scope, { hasRoute: !arePrivate, arePrivate });
        clients.set(placeKey(scope), client);
        return client;
      },
      credentials: async () => KEYS,
      clock: () => this.clock.nowEpochMs,
      limits: { ...KUBERNETES_LIMITS, retry: { attempts: 3, wait: async () => {} } },
    };
    this.access = access;
    const inVpc: EksAccess = { ...access, clients: (scope) => this.#eks(scope, { hasRoute: true, arePrivate }) };
    const functions = new LambdaFunctionsInVpcs({
      clients: (scope) => this.#lambda(scope, inVpc),
      prefix: 'PatchwaveRead',
      retry: { attempts: 3, wait: async () => {} },
      mostHeldBytes: 100_000,
    });
    this.source = new EksWorkloads(access, functions, MOST_PODS);
    this.pagesOf = async (cluster) => {
      if (arePrivate) return functions.find(cluster, VPC);
      const api = await connectEks(access, cluster, READS);
      return api && new KubernetesPages(api);
    };
    this.deployer = new EksDeployer(access);
  }

  /** EKS refuses the role in this scope. */
  deny(scope: Scope): this {
    this.#denied.add(placeKey(scope));
    return this;
  }

  /** EKS as a role sees it that has a route to private endpoints, or none. */
  #eks(
    scope: Scope,
    { hasRoute, arePrivate }: { readonly hasRoute: boolean; readonly arePrivate: boolean },
  ): EKSClient {
    const client = new EKSClient({ region: scope.region });
    const checkAccess = (): void => {
      if (!this.#denied.has(placeKey(scope))) return;
      const name = 'AccessDeniedException';
      throw Object.assign(new Error('not authorized to perform: eks:ListClusters'), { name });
    };
    const mock = mockClient(client);
    mock.on(ListClustersCommand).callsFake((input) => {
      checkAccess();
      const names = [...this.#servers.keys()].filter((key) => key.startsWith(placeKey(scope)));
      const from = Number(input.nextToken ?? 0);
      const to = from + (input.maxResults ?? 100);
      return {
        clusters: names.slice(from, to).map((key) => key.split('/')[2]),
        ...(to < names.length && { nextToken: String(to) }),
      };
    });
    mock.on(DescribeClusterCommand).callsFake((input) => {
      checkAccess();
      const key = `${placeKey(scope)}${input.name}`;
      const server = this.#servers.get(key);
      if (!server)
        throw new ResourceNotFoundException({ $metadata: {}, message: `No cluster found for name: ${input.name}.` });
      const data = Buffer.from(server.certificateAuthority).toString('base64');
      return {
        cluster: {
          ...{ name: input.name, status: 'ACTIVE', certificateAuthority: { data } },
          endpoint: hasRoute ? server.url : 'https://localhost:1',
          resourcesVpcConfig: { endpointPublicAccess: !arePrivate, vpcId: VPC },
          ...this.described.get(key),
        },
      };
    });
    return client;
  }

  /** Lambda in an account and Region, with the function in the VPC. */
  #lambda(scope: Scope, inVpc: EksAccess): LambdaClient {
    const client = new LambdaClient({ region: scope.region });
    const connect = async (cluster: Cluster, signal: AbortSignal) => {
      const api = await connectEks(inVpc, cluster, READS_IN_VPC, signal);
      return api && new KubernetesPages(api);
    };
    mockClient(client)
      .on(InvokeCommand)
      .callsFake(async ({ FunctionName, InvocationType, Payload }) => {
        expect(FunctionName).toBe(FUNCTION);
        if (this.refusal) throw this.refusal;
        if (InvocationType === 'DryRun') return { StatusCode: 204 };
        const request = parse(clusterPageRequest, JSON.parse(Buffer.from(Payload ?? []).toString()));
        this.requests.push(request);
        for (const invocation of this.invocations) {
          const output = await invocation(request);
          if (output) return output;
        }
        const cluster = { ...scope, cluster: request.cluster };
        return answered(await readPage(connect, cluster, request, AbortSignal.timeout(30_000)));
      });
    return client;
  }

  /** The server of a cluster, which is made if it is new. */
  async server(cluster: Cluster): Promise<KubernetesServer> {
    const key = `${placeKey(cluster)}${cluster.cluster}`;
    const known = this.#servers.get(key);
    if (known) return known;
    const server = await new KubernetesServer().start();
    for (const path of [PODS, NODES, REPLICA_SETS, JOBS, ...TEMPLATES, CRON_JOBS]) server.collections.set(path, []);
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
