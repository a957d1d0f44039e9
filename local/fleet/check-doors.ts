import type { FleetProblem } from './problems.ts';
import type { Fleet, FleetDoorAttempt } from './schema.ts';

/** What the form of attempts at doors cannot say. What runs in a place already may start again there for some days. */
export function checkDoorAttempts(fleet: Fleet): FleetProblem[] {
  return fleet.doorAttempts.flatMap((attempt, i) => {
    const path = `doorAttempts[${i}]`;
    const { account, region, cluster, namespace, image } = attempt;
    const list = namespace === undefined ? 'clusters' : 'kubernetesClusters';
    const isListed = fleet[list].some(
      (one) => one.account === account && one.region === region && one.name === cluster,
    );
    return [
      ...(isListed
        ? []
        : [{ path: `${path}.cluster`, message: `no cluster "${account}/${region}/${cluster}" is listed in ${list}` }]),
      ...(fleet.images.some(({ name }) => name === image)
        ? []
        : [{ path: `${path}.image`, message: `no image is named "${image}"` }]),
      ...(isRun(fleet, attempt) ? [{ path: `${path}.image`, message: `"${image}" runs there already` }] : []),
    ];
  });
}

function isRun(fleet: Fleet, { account, region, cluster, namespace, image }: FleetDoorAttempt): boolean {
  const own =
    namespace === undefined
      ? fleet.workloads
      : fleet.kubernetesWorkloads.filter((workload) => workload.namespace === namespace);
  return own
    .filter((one) => one.account === account && one.region === region && one.cluster === cluster)
    .some(({ containers }) => containers.some((container) => 'image' in container && container.image === image));
}
