/** A Kubernetes cluster of a fleet that runs, as its administrator sees it. */

import { DescribeClusterCommand, EKSClient } from '@aws-sdk/client-eks';
import type { ClusterPlace } from '../../local/cloud/admin-types.ts';
import { eventually } from '../../local/cloud/probe.ts';
import type { Cloud } from '../../local/cloud.ts';
import { AdminApi } from '../../local/kubernetes/admin-api.ts';
import { type ApiResource, type KubernetesObject, RESOURCES } from '../../local/kubernetes/objects.ts';

export interface FleetPod {
  readonly name: string;
  /** Its label `app`. */
  readonly app: string;
  /** Of its first container. */
  readonly digest: string;
}

export interface FleetCluster extends AsyncDisposable {
  see(resource: ApiResource, namespace: string, name: string): Promise<KubernetesObject>;
  change(resource: ApiResource, namespace: string, name: string, change: object): Promise<void>;
  remove(resource: ApiResource, namespace: string, name: string): Promise<void>;
  /** Once all of them run. */
  pods(namespace: string): Promise<readonly FleetPod[]>;
}

const LIMIT_MS = 20_000;

export async function openCluster(
  { cloud }: { readonly cloud: Pick<Cloud, 'admin' | 'clients'> },
  place: ClusterPlace,
): Promise<FleetCluster> {
  const { certificateAuthority } = await cloud.admin.clusterAuthority(place);
  const described = await new EKSClient(cloud.clients(place.account, place.region)).send(
    new DescribeClusterCommand({ name: place.cluster }),
  );
  const administrator = { commonName: 'tests', organizations: ['system:masters'] };
  const certificate = await cloud.admin.issueCertificate(place, administrator);
  const api = new AdminApi({ endpoint: described.cluster?.endpoint ?? '', certificateAuthority }, certificate);
  const see: FleetCluster['see'] = async (resource, namespace, name) => {
    const found = await api.get(resource, namespace, name);
    if (found === undefined) throw new Error(`${place.cluster} has no ${resource.kind} ${namespace}/${name}`);
    return found;
  };
  return {
    see,
    change: async (resource, namespace, name, change) => {
      await api.patch(resource, await see(resource, namespace, name), change);
    },
    remove: async (resource, namespace, name) => api.remove(resource, await see(resource, namespace, name)),
    pods: async (namespace) => {
      const whereAllRun = async () => {
        const pods = await api.list(RESOURCES.pods, namespace);
        return pods.length > 0 && pods.every(({ status }) => status?.phase === 'Running') ? pods : undefined;
      };
      const running = await eventually(whereAllRun, `pods of ${namespace} that all run`, LIMIT_MS);
      return running.map(podOf);
    },
    [Symbol.asyncDispose]: async () => api.close(),
  };
}

function podOf({ metadata, status }: KubernetesObject): FleetPod {
  const [first] = (status?.containerStatuses ?? []) as readonly { readonly imageID: string }[];
  return { name: metadata.name, app: metadata.labels?.app ?? '', digest: first?.imageID.split('@')[1] ?? '' };
}
