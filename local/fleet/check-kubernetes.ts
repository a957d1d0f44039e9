import { checkContainers } from './check-workloads.ts';
import type { FleetProblem } from './problems.ts';
import type { Fleet, FleetKubernetesCluster, FleetKubernetesWorkload } from './schema.ts';

const keyOf = ({ account, region }: FleetKubernetesCluster | FleetKubernetesWorkload, cluster: string): string =>
  `${account}/${region}/${cluster}`;

/** What the form of Kubernetes clusters and workloads cannot say. */
export function checkKubernetes(fleet: Fleet): FleetProblem[] {
  const clusters = new Map(fleet.kubernetesClusters.map((cluster) => [keyOf(cluster, cluster.name), cluster]));
  return [
    ...fleet.kubernetesClusters.flatMap(({ nodes }, i) => checkNodes(`kubernetesClusters[${i}].nodes`, nodes)),
    ...fleet.kubernetesWorkloads.flatMap((workload, i) => {
      const path = `kubernetesWorkloads[${i}]`;
      return [
        ...checkPlace(path, workload, clusters.get(keyOf(workload, workload.cluster))),
        ...checkContainers(`${path}.containers`, workload.containers, workload, fleet),
        ...checkContainers(`${path}.initContainers`, workload.initContainers, workload, fleet),
        ...checkNames(path, workload),
        ...checkReplicas(path, workload),
      ];
    }),
  ];
}

function checkNodes(path: string, nodes: FleetKubernetesCluster['nodes']): FleetProblem[] {
  const names = nodes.map(({ name }) => name);
  return new Set(names).size === names.length ? [] : [{ path, message: 'a node is named twice' }];
}

function checkPlace(
  path: string,
  workload: FleetKubernetesWorkload,
  cluster: FleetKubernetesCluster | undefined,
): FleetProblem[] {
  if (cluster === undefined) {
    const message = `no cluster "${keyOf(workload, workload.cluster)}" is listed in kubernetesClusters`;
    return [{ path: `${path}.cluster`, message }];
  }
  if (cluster.status === 'CREATING') {
    return [{ path: `${path}.cluster`, message: `"${cluster.name}" is being created, so nothing runs in it` }];
  }
  if (cluster.nodes.some(({ architecture }) => architecture === workload.architecture)) return [];
  return [{ path: `${path}.architecture`, message: `"${cluster.name}" has no ${workload.architecture} node` }];
}

/** Only templates start pods later. */
const AT_ZERO: ReadonlySet<string> = new Set(['deployment', 'statefulset', 'cronjob', 'scaledjob']);

function checkReplicas(path: string, { kind, replicas }: FleetKubernetesWorkload): FleetProblem[] {
  if (replicas > 0 || AT_ZERO.has(kind)) return [];
  return [{ path: `${path}.replicas`, message: `a ${kind} has at least one pod` }];
}

function checkNames(path: string, { containers, initContainers }: FleetKubernetesWorkload): FleetProblem[] {
  const names = [...initContainers, ...containers].map(({ name }) => name);
  return new Set(names).size === names.length ? [] : [{ path, message: 'a container is named twice' }];
}
