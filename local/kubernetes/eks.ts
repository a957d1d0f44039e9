/** Clusters of EKS in the embedded cloud. */

import { CreateClusterCommand, DescribeClusterCommand, EKSClient } from '@aws-sdk/client-eks';
import { CreateRoleCommand, EntityAlreadyExistsException, IAMClient } from '@aws-sdk/client-iam';
import { partitionOf } from '../../shared/domain/image/partitions.ts';
import type { ClusterPlace } from '../cloud/admin-types.ts';
import type { ClientConfig, Cloud } from '../cloud.ts';
import { AdminApi } from './admin-api.ts';

const CLUSTER_ROLE = 'EksCluster';

/** Makes a role, unless it is there. Its ARN. */
export async function ensureRole(config: ClientConfig, name: string, principal: unknown): Promise<string> {
  const statement = { Effect: 'Allow', Principal: principal, Action: 'sts:AssumeRole' };
  const document = JSON.stringify({ Version: '2012-10-17', Statement: [statement] });
  await new IAMClient(config)
    .send(new CreateRoleCommand({ RoleName: name, AssumeRolePolicyDocument: document }))
    .catch((error: unknown) => {
      if (!(error instanceof EntityAlreadyExistsException)) throw error;
    });
  return `arn:${partitionOf(config.region).name}:iam::${config.credentials.accessKeyId}:role/${name}`;
}

/** Makes an EKS cluster that only access entries can use. */
export async function makeEksCluster(
  cloud: Pick<Cloud, 'clients'>,
  { account, region, cluster }: ClusterPlace,
  { isPrivate = false }: { readonly isPrivate?: boolean } = {},
): Promise<void> {
  const config = cloud.clients(account, region);
  await new EKSClient(config).send(
    new CreateClusterCommand({
      name: cluster,
      roleArn: await ensureRole(config, CLUSTER_ROLE, { Service: 'eks.amazonaws.com' }),
      version: '1.36',
      resourcesVpcConfig: {
        subnetIds: ['subnet-0a1b2c3d', 'subnet-1a2b3c4d'],
        endpointPublicAccess: !isPrivate,
        endpointPrivateAccess: isPrivate,
      },
      accessConfig: { authenticationMode: 'API', bootstrapClusterCreatorAdminPermissions: false },
    }),
  );
}

/** The objects of a served cluster, as a member of `system:masters`. @param name the person */
export async function administratorOf(
  { admin, clients }: Pick<Cloud, 'clients' | 'admin'>,
  place: ClusterPlace,
  name = 'administrator',
): Promise<AdminApi> {
  const { certificateAuthority } = await admin.clusterAuthority(place);
  const eks = new EKSClient(clients(place.account, place.region));
  const { cluster } = await eks.send(new DescribeClusterCommand({ name: place.cluster }));
  const person = { commonName: name, organizations: ['system:masters'] };
  const address = { endpoint: cluster?.endpoint ?? '', certificateAuthority };
  return new AdminApi(address, await admin.issueCertificate(place, person));
}
