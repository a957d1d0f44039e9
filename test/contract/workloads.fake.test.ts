import { FakeWorkloads } from '../support/fakes/workloads.ts';
import { type WorkloadsWorld, workloadsContract } from './workloads.contract.ts';

const unreachable = { account: '999999999999', region: 'eu-west-1' };
const source = new FakeWorkloads().deny(unreachable);
let accounts = 100_000_000_000;

const world: WorkloadsWorld = {
  source,
  createCluster: async (cluster) => void source.addCluster(cluster),
  run: async (cluster, { kind, name, count, architecture, containers }) => {
    const task = { workloadKind: kind, workload: name, architecture, containers };
    source.run(cluster, ...Array.from({ length: count }, () => task));
  },
  stop: async (cluster, workload) => void source.stop(cluster, workload),
};

workloadsContract(() => world, { next: () => ({ account: String(++accounts), region: 'eu-west-1' }), unreachable });
