import { DescribeClusterCommand, type EKSClient, ResourceNotFoundException } from '@aws-sdk/client-eks';
import type { Cluster } from '../domain/image/usage.ts';
import type { Clock } from '../ports/clock.ts';
import {
  type ClusterAccess,
  ClusterAccessDeniedError,
  ClusterFailingError,
  ClusterNotActiveError,
} from '../ports/cluster-errors.ts';
import type { RegionalClients } from './clients.ts';
import { eksToken, type SigningCredentials } from './eks-token.ts';
import { KubernetesApi, type KubernetesEndpoint, type KubernetesLimits } from './kubernetes-api.ts';
import { isRefusal } from './refusal.ts';

export interface EksAccess {
  readonly clients: RegionalClients<EKSClient>;
  /** The credentials of the role in the account, which sign the tokens. */
  readonly credentials: (account: string) => Promise<SigningCredentials>;
  readonly clock: Clock;
  readonly limits?: KubernetesLimits;
}

/** The statuses of a cluster whose API answers. https://docs.aws.amazon.com/eks/latest/APIReference/API_Cluster.html */
const REACHABLE = new Set(['ACTIVE', 'UPDATING']);

/** The Kubernetes API of a cluster, as EKS describes it. */
export interface EksEndpoint extends KubernetesEndpoint {
  /** The VPC of the cluster, if EKS says it. */
  readonly vpcId?: string;
}

/**
 * Where the Kubernetes API of a cluster is; `undefined` if the cluster was deleted.
 * @param signal as in `KubernetesEndpoint`
 * @throws ClusterUnreachableError in one of its classes
 */
export async function findEksEndpoint(
  { clients, credentials, clock }: EksAccess,
  cluster: Cluster,
  access: ClusterAccess,
  signal?: AbortSignal,
): Promise<EksEndpoint | undefined> {
  const described = await describeCluster(clients(cluster), cluster, access);
  if (!described) return undefined;
  const { status = 'unknown', endpoint, certificateAuthority, resourcesVpcConfig } = described;
  if (!REACHABLE.has(status)) throw new ClusterNotActiveError(cluster, status, access);
  if (!endpoint?.startsWith('https://') || !certificateAuthority?.data) {
    const problem = 'EKS names no endpoint or no certificate authority for it';
    throw new ClusterFailingError(cluster, problem, undefined, access);
  }
  const { vpcId } = resourcesVpcConfig ?? {};
  return {
    ...{ cluster, access, url: endpoint },
    certificateAuthority: Buffer.from(certificateAuthority.data, 'base64').toString(),
    isPrivate: resourcesVpcConfig?.endpointPublicAccess === false,
    token: async () => eksToken(cluster, await credentials(cluster.account), clock()),
    ...(vpcId !== undefined && { vpcId }),
    ...(signal && { signal }),
  };
}

/**
 * The Kubernetes API of a cluster; `undefined` if the cluster was deleted. The caller closes it.
 * @throws ClusterUnreachableError in one of its classes
 */
export async function connectEks(
  eks: EksAccess,
  cluster: Cluster,
  access: ClusterAccess,
  signal?: AbortSignal,
): Promise<KubernetesApi | undefined> {
  const endpoint = await findEksEndpoint(eks, cluster, access, signal);
  return endpoint && new KubernetesApi(endpoint, eks.limits);
}

async function describeCluster(client: EKSClient, cluster: Cluster, access: ClusterAccess) {
  try {
    return (await client.send(new DescribeClusterCommand({ name: cluster.cluster }))).cluster;
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return undefined;
    throw isRefusal(error) ? new ClusterAccessDeniedError(cluster, error, access) : error;
  }
}
