import {
  CreateClusterCommand,
  CreateServiceCommand,
  ECSClient,
  ListTasksCommand,
  paginateListTasks,
  RegisterTaskDefinitionCommand,
  RunTaskCommand,
  StopTaskCommand,
} from '@aws-sdk/client-ecs';
import { beforeAll } from '@jest/globals';
import type { Cloud } from '../../local/cloud.ts';
import { ecsClients } from '../../shared/adapters/clients.ts';
import { EcsWorkloads } from '../../shared/adapters/ecs-workloads.ts';
import type { Cluster } from '../../shared/domain/image/usage.ts';
import { useCloud } from '../support/cloud.ts';
import { accessOf, createReadRole } from '../support/member-role.ts';
import { ofEcs, type Workload, type WorkloadsWorld, workloadsContract } from './workloads.contract.ts';

const MEMBER = '444455556666';
const cloud = useCloud();
let world: WorkloadsWorld;
beforeAll(async () => {
  await createReadRole(cloud(), MEMBER);
  world = worldOf(cloud());
});

let regions = 0;
workloadsContract(() => world, {
  // Each Region of the member account is a scope of its own.
  next: () => ({ account: MEMBER, region: `eu-test-${++regions}` }),
  unreachable: { account: '999999999999', region: 'eu-west-1' },
});

function worldOf(running: Cloud): WorkloadsWorld {
  const client = ({ account, region }: Cluster) => new ECSClient(running.clients(account, region));
  return {
    source: new EcsWorkloads(ecsClients(accessOf(running))),
    reported: ofEcs,
    unreachable: { scope: 'ScopeUnreachableError', cluster: 'ScopeUnreachableError' },
    createCluster: async (cluster) => {
      await client(cluster).send(new CreateClusterCommand({ clusterName: cluster.cluster }));
    },
    run: async (cluster, workload) => {
      await start(client(cluster), cluster.cluster, workload);
      const { account, region } = cluster;
      for (const task of await tasksOf(client(cluster), cluster.cluster, workload.name)) {
        await running.admin.changeTask({
          account,
          region,
          task,
          containers: workload.containers.map(({ name, image, digest }) => ({
            name,
            image: image ?? null,
            imageDigest: digest ?? null,
          })),
        });
      }
    },
    stop: async (cluster, workload) => {
      for (const task of await tasksOf(client(cluster), cluster.cluster, workload)) {
        await client(cluster).send(new StopTaskCommand({ cluster: cluster.cluster, task }));
      }
      expect((await client(cluster).send(new ListTasksCommand({ cluster: cluster.cluster }))).taskArns).toEqual([]);
    },
  };
}

async function start(client: ECSClient, cluster: string, workload: Workload): Promise<void> {
  await client.send(
    new RegisterTaskDefinitionCommand({
      family: workload.name,
      runtimePlatform: { cpuArchitecture: workload.architecture === 'arm64' ? 'ARM64' : 'X86_64' },
      containerDefinitions: workload.containers.flatMap(({ name, image }) =>
        image ? [{ name, image, memory: 64 }] : [],
      ),
    }),
  );
  const common = { cluster, taskDefinition: workload.name, launchType: 'EC2' } as const;
  if (workload.kind === 'standalone') await client.send(new RunTaskCommand({ ...common, count: workload.count }));
  else
    await client.send(
      new CreateServiceCommand({ ...common, serviceName: workload.name, desiredCount: workload.count }),
    );
}

async function tasksOf(client: ECSClient, cluster: string, family: string): Promise<string[]> {
  const arns: string[] = [];
  for await (const { taskArns = [] } of paginateListTasks({ client }, { cluster, family })) arns.push(...taskArns);
  return arns;
}
