import type { Cluster, RunningTask } from '../../shared/domain/image/usage.ts';
import { FakeStarts } from '../support/fakes/starts.ts';
import { type StartsWorld, startsContract } from './starts.contract.ts';

const UNREACHABLE = { account: '999999999999', region: 'eu-west-1' };

function worldOf(): StartsWorld {
  const source = new FakeStarts('ecs-rules').deny(UNREACHABLE);
  const images = new Map<string, string>();
  const latest = (family: string): string | undefined =>
    [...images.keys()].findLast((one) => one.startsWith(`${family}:`));
  const reported = ({ name: workload }: { readonly name: string }) => ({ workloadKind: 'ecs-rule', workload }) as const;
  const create: StartsWorld['create'] = async (cluster: Cluster, { name, taskDefinition }) => {
    source.add(cluster, name, (): RunningTask | undefined => {
      const revision = taskDefinition.includes(':') ? taskDefinition : (latest(taskDefinition) ?? '');
      const image = images.get(revision);
      return image === undefined
        ? undefined
        : { ...reported({ name }), architecture: 'arm64', containers: [{ name: 'app', image }] };
    });
  };
  return {
    source,
    reported,
    createCluster: async () => {},
    register: async (_, family, image) => {
      const revision = `${family}:${images.size + 1}`;
      images.set(revision, image);
      return revision;
    },
    deregister: async (_, revision) => void images.delete(revision),
    create,
    change: create,
    delete: async (cluster, name) => void source.delete(cluster, name),
  };
}

let world: StartsWorld;
beforeEach(() => {
  world = worldOf();
});
let regions = 0;
startsContract(() => world, {
  next: () => ({ account: '444455556666', region: `eu-test-${++regions}` }),
  unreachable: UNREACHABLE,
});
