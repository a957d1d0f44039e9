import { sourcesReadBy, type WorkloadScope, type WorkloadSourceName } from '../domain/image/workload-kind.ts';
import type { WorkloadSource } from '../ports/workloads.ts';
import { ecsClients, eksClients, functionClients, type MemberAccess } from './clients.ts';
import { EcsWorkloads } from './ecs-workloads.ts';
import { EksWorkloads } from './eks-workloads.ts';
import { LambdaFunctionsInVpcs } from './functions-in-vpcs.ts';

/** The adapter of each workload source, by the name in the workload kinds. */
const SOURCES: Readonly<Record<WorkloadSourceName, (access: MemberAccess) => WorkloadSource>> = {
  ecs: (access) => new EcsWorkloads(ecsClients(access)),
  eks: (access) =>
    new EksWorkloads(
      {
        clients: eksClients(access),
        credentials: async (account) => access.credentials(account)(),
        clock: Date.now,
      },
      new LambdaFunctionsInVpcs({ clients: functionClients(access), prefix: access.roleName }),
    ),
};

const readBy = (scope: WorkloadScope, access: MemberAccess): readonly WorkloadSource[] =>
  sourcesReadBy(scope).map((name) => SOURCES[name](access));

/** The workload sources that are read for a whole account and Region, each with the account's role. */
export const workloadSources = (access: MemberAccess): readonly WorkloadSource[] => readBy('region', access);

/** The workload sources whose clusters are scopes of their own. */
export const clusterSources = (access: MemberAccess): readonly WorkloadSource[] => readBy('cluster', access);
