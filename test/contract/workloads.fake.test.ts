import { collect } from '../../shared/concurrency.ts';
import { FakeWorkloads, STOPS_FOR_MS } from '../support/fakes/workloads.ts';
import { ofEcs, type WorkloadsWorld, workloadsContract } from './workloads.contract.ts';

const unreachable = { account: '999999999999', region: 'eu-west-1' };
let nowEpochMs = 0;
const source = new FakeWorkloads(() => nowEpochMs).deny(unreachable);
let accounts = 100_000_000_000;

const world: WorkloadsWorld = {
  source,
  reported: ofEcs,
  unreachable: { scope: 'ScopeUnreachableError', cluster: 'ScopeUnreachableError' },
  createCluster: async (cluster) => void source.addCluster(cluster),
  run: async (cluster, { kind, name, count, architecture, containers }) => {
    const pull = { beganAtEpochMs: nowEpochMs, endedAtEpochMs: nowEpochMs };
    const workloadKind = kind === 'service' ? ('ecs-service' as const) : ('ecs-task' as const);
    const task = { workloadKind, workload: name, architecture, containers, pull };
    source.run(cluster, ...Array.from({ length: count }, () => task));
    if (kind === 'service' && count === 0)
      source.run(cluster, {
        ...{ workloadKind, workload: name, architecture, isPossible: true },
        containers: containers.map(({ digest, ...defined }) => defined),
      });
  },
  stop: async (cluster, workload) => {
    source.stop(cluster, workload);
    nowEpochMs += STOPS_FOR_MS;
  },
};

test('a stopping task still runs, and is returned only on request', async () => {
  const cluster = { account: '123456789012', region: 'eu-west-1', cluster: 'prod' };
  source.run(cluster, { workloadKind: 'ecs-task', workload: 'migrate', containers: [] }).stop(cluster, 'migrate');
  expect(await collect(source.tasks(cluster))).toEqual([]);
  expect((await collect(source.tasks(cluster, { includesStopping: true }))).flat()).toHaveLength(1);
});

workloadsContract(() => world, { next: () => ({ account: String(++accounts), region: 'eu-west-1' }), unreachable });
