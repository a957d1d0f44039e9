import type { ContainerDraft, DraftScope, ImageDraft, WorkloadDraft } from './draft.ts';
import type { Random } from './random.ts';
import type { FleetFile } from './schema.ts';

const TASKS_PER_WORKLOAD = 12;

/** Workloads with so many tasks together, a few of them large; four in ten have a sidecar. */
export function makeWorkloads(
  random: Random,
  scopes: readonly DraftScope[],
  applications: readonly ImageDraft[],
  proxy: ImageDraft,
  tasks: number,
): WorkloadDraft[] {
  const counts = shares(random, tasks, Math.max(1, Math.round(tasks / TASKS_PER_WORKLOAD)));
  return counts.map((count, n): WorkloadDraft => {
    const image = random.pick(applications);
    const home = { account: image.account, region: image.region };
    const { account, region } = random.chance(0.9) ? home : random.pick(scopes);
    const reference = random.chance(0.7) ? 'tag' : 'digest';
    const main: ContainerDraft = { name: 'main', image: image.name, reference };
    const sidecar: ContainerDraft = { name: 'envoy', image: proxy.name, reference: 'digest' };
    const [platform = 'linux/amd64'] = image.platforms ?? [];
    return {
      name: `workload-${n}`,
      account,
      region,
      cluster: 'main',
      count,
      kind: random.chance(0.9) ? 'service' : random.pick(['standalone', 'daemon']),
      architecture: platform === 'linux/arm64' ? 'arm64' : 'amd64',
      containers: random.chance(0.4) ? [main, sidecar] : [main],
    };
  });
}

/** Of workloads that name their images by digest, in turn: a tag of what may start would be looked up. */
export function makeSchedules(workloads: readonly WorkloadDraft[], count: number): NonNullable<FleetFile['schedules']> {
  const pinned = workloads.filter(({ containers }) =>
    containers.every((one) => 'reference' in one && one.reference === 'digest'),
  );
  return Array.from({ length: pinned.length === 0 ? 0 : count }, (_, n) => {
    const { account, region, cluster, name } = pinned[n % pinned.length] as WorkloadDraft;
    return { account, region, cluster, name: `night-${n}`, workload: name };
  });
}

const CLUSTERS = 2;
const NODES = [
  { name: 'node-1', architecture: 'amd64' },
  { name: 'node-2', architecture: 'arm64' },
] as const;
const PODS_PER_DEPLOYMENT = 24;

/** EKS clusters in the first scopes, and Deployments with so many pods together. */
export function makePods(
  random: Random,
  scopes: readonly DraftScope[],
  applications: readonly ImageDraft[],
  pods: number,
): Pick<FleetFile, 'kubernetesClusters' | 'kubernetesWorkloads'> {
  const clusters = scopes.slice(0, CLUSTERS).map((scope) => ({ ...scope, name: 'main', nodes: [...NODES] }));
  const counts = shares(random, pods, Math.max(1, Math.round(pods / PODS_PER_DEPLOYMENT)));
  return {
    kubernetesClusters: clusters,
    kubernetesWorkloads: counts.map((replicas, n) => {
      const image = random.pick(applications);
      const [platform = 'linux/amd64'] = image.platforms ?? [];
      const { account, region, name } = random.pick(clusters);
      return {
        ...{ account, region, cluster: name },
        name: `deployment-${n}`,
        kind: 'deployment',
        replicas,
        architecture: platform === 'linux/arm64' ? 'arm64' : 'amd64',
        containers: [{ name: 'main', image: image.name, reference: random.chance(0.7) ? 'tag' : 'digest' }],
      };
    }),
  };
}

/** Splits a total into parts of at least 1 with few large and many small ones. */
function shares(random: Random, total: number, parts: number): number[] {
  const weights = Array.from({ length: parts }, () => 1 / random.between(0.02, 1));
  const sum = weights.reduce((a, b) => a + b, 0);
  const counts = weights.map((weight) => 1 + Math.floor(((total - parts) * weight) / sum));
  const missing = total - counts.reduce((a, b) => a + b, 0);
  return counts.map((count, n) => (n < missing ? count + 1 : count));
}
