import { checkDoorAttempts } from './check-doors.ts';
import { checkImages } from './check-images.ts';
import { checkKubernetes } from './check-kubernetes.ts';
import { checkPipelines } from './check-pipelines.ts';
import { checkSchedules, checkWorkloads } from './check-workloads.ts';
import type { FleetProblem } from './problems.ts';
import type { Fleet } from './schema.ts';

/** What the form of a fleet file cannot say: that every name in it leads somewhere, once. Empty: the fleet is sound. */
export function checkFleet(fleet: Fleet): FleetProblem[] {
  return [
    ...checkUniqueness(fleet),
    ...checkAccountsAndRegions(fleet),
    ...checkImages(fleet),
    ...checkWorkloads(fleet),
    ...checkSchedules(fleet),
    ...checkKubernetes(fleet),
    ...checkPipelines(fleet),
    ...checkDoorAttempts(fleet),
  ];
}

function checkUniqueness(fleet: Fleet): FleetProblem[] {
  return [
    ...duplicates('accounts', 'account', fleet.accounts, ({ id }) => id),
    ...duplicates('vulnerabilities', 'vulnerability', fleet.vulnerabilities, (v) => `${v.id} in ${v.package}`),
    ...duplicates('registries', 'registry', fleet.registries, (r) => `${r.account}/${r.region}`),
    ...duplicates('repositories', 'repository', fleet.repositories, (r) => `${r.account}/${r.region}/${r.name}`),
    ...duplicates('images', 'image', fleet.images, ({ name }) => name),
    ...duplicates('clusters', 'cluster', fleet.clusters, (c) => `${c.account}/${c.region}/${c.name}`),
    ...duplicates('workloads', 'workload', fleet.workloads, (w) => `${w.account}/${w.region}/${w.cluster}/${w.name}`),
    ...duplicates(
      'kubernetesClusters',
      'cluster',
      fleet.kubernetesClusters,
      (c) => `${c.account}/${c.region}/${c.name}`,
    ),
    ...duplicates(
      'kubernetesWorkloads',
      'workload',
      fleet.kubernetesWorkloads,
      (w) => `${w.account}/${w.region}/${w.cluster}/${w.namespace}/${w.kind}/${w.name}`,
    ),
    ...duplicates('pipelines', 'pipeline', fleet.pipelines, (p) => `${p.account}/${p.region}/${p.name}`),
    ...fleet.workloads.flatMap((workload, i) =>
      duplicates(`workloads[${i}].containers`, 'container', workload.containers, ({ name }) => name),
    ),
  ];
}

function duplicates<T>(list: string, noun: string, items: readonly T[], key: (item: T) => string): FleetProblem[] {
  const first = new Map<string, number>();
  return items.flatMap((item, i) => {
    const before = first.get(key(item));
    if (before === undefined) {
      first.set(key(item), i);
      return [];
    }
    return [{ path: `${list}[${i}]`, message: `${noun} "${key(item)}" is already ${list}[${before}]` }];
  });
}

function checkAccountsAndRegions(fleet: Fleet): FleetProblem[] {
  const regionsByAccount = new Map(fleet.accounts.map(({ id, regions }) => [id, regions]));
  const check = (path: string, { account, region }: { account: string; region: string }): FleetProblem[] => {
    const regions = regionsByAccount.get(account);
    if (regions === undefined) return [{ path: `${path}.account`, message: `no account has the id "${account}"` }];
    if (regions.includes(region)) return [];
    return [{ path: `${path}.region`, message: `Region "${region}" is not enabled in account "${account}"` }];
  };
  return [
    ...check('hub', fleet.hub),
    ...fleet.registries.flatMap((registry, i) => check(`registries[${i}]`, registry)),
    ...fleet.repositories.flatMap((repository, i) => check(`repositories[${i}]`, repository)),
    ...fleet.pipelines.flatMap((pipeline, i) => check(`pipelines[${i}]`, pipeline)),
    ...fleet.clusters.flatMap((cluster, i) => check(`clusters[${i}]`, cluster)),
    ...fleet.kubernetesClusters.flatMap((cluster, i) => check(`kubernetesClusters[${i}]`, cluster)),
  ];
}
