/** What runs in a Kubernetes cluster, asked of its API server as its administrator. */

import { DescribeClusterCommand, EKSClient } from '@aws-sdk/client-eks';
import { CloudAdmin } from '../../../local/cloud/admin-client.ts';
import type { ClusterPlace } from '../../../local/cloud/admin-types.ts';
import { AdminApi } from '../../../local/kubernetes/admin-api.ts';
import { RESOURCES } from '../../../local/kubernetes/objects.ts';
import { configOf, type OracleContainer } from './running.ts';

interface Status {
  readonly phase?: string;
  readonly containerStatuses?: readonly { readonly image: string; readonly imageID: string }[];
}

/** Every container of every pod that runs in a cluster, as a container of a task. */
export async function podContainersIn(endpoint: string, place: ClusterPlace): Promise<OracleContainer[]> {
  const admin = new CloudAdmin(endpoint);
  const { certificateAuthority } = await admin.clusterAuthority(place);
  const { cluster } = await new EKSClient(configOf(endpoint, place)).send(
    new DescribeClusterCommand({ name: place.cluster }),
  );
  const administrator = { commonName: 'oracle', organizations: ['system:masters'] };
  const certificate = await admin.issueCertificate(place, administrator);
  const api = new AdminApi({ endpoint: cluster?.endpoint ?? '', certificateAuthority }, certificate);
  try {
    const [pods, nodes] = [await api.list(RESOURCES.pods), await api.list(RESOURCES.nodes)];
    const architectures = new Map(
      nodes.map(({ metadata }) => [metadata.name, metadata.labels?.['kubernetes.io/arch']] as const),
    );
    return pods.flatMap(({ metadata, spec, status }) => {
      const { phase, containerStatuses = [] } = (status ?? {}) as Status;
      if (phase !== 'Running') return [];
      return containerStatuses.map(({ image, imageID }) => ({
        ...place,
        container: { image, imageDigest: imageID.split('@')[1] },
        architecture: architectures.get(String(spec?.nodeName)),
        group: `${metadata.namespace}/${metadata.name}`,
      }));
    });
  } finally {
    api.close();
  }
}
