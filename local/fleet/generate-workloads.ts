import type { ContainerDraft, DraftScope, ImageDraft, WorkloadDraft } from './draft.ts';
import type { Random } from './random.ts';

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

/** Splits a total into parts of at least 1 with few large and many small ones. */
function shares(random: Random, total: number, parts: number): number[] {
  const weights = Array.from({ length: parts }, () => 1 / random.between(0.02, 1));
  const sum = weights.reduce((a, b) => a + b, 0);
  const counts = weights.map((weight) => 1 + Math.floor(((total - parts) * weight) / sum));
  const missing = total - counts.reduce((a, b) => a + b, 0);
  return counts.map((count, n) => (n < missing ? count + 1 : count));
}
