import { sourcesReadBy, type WorkloadScope, type WorkloadSourceName } from '../domain/image/workload-kind.ts';
import type { NamespaceReads } from '../ports/namespaces.ts';
import type { WorkloadSource } from '../ports/workloads.ts';
import { ecsClients, eksClients, functionClients, type MemberAccess } from './clients.ts';
import { EcsWorkloads } from './ecs-workloads.ts';
import type { EksAccess } from './eks-connection.ts';
import { EksNamespaces } from './eks-namespaces.ts';
import { EksWorkloads, type FunctionsInVpcs } from './eks-workloads.ts';
import { LambdaFunctionsInVpcs } from './functions-in-vpcs.ts';

/** The adapter of each workload source, by the name in the workload kinds. */
const SOURCES: Readonly<Record<WorkloadSourceName, (access: MemberAccess) => WorkloadSource>> = {
  ecs: (access) => new EcsWorkloads(ecsClients(access)),
  eks: (access) => new EksWorkloads(...eksOf(access)),
};

const eksOf = (access: MemberAccess): [EksAccess, FunctionsInVpcs] => [
  { clients: eksClients(access), credentials: async (account) => access.credentials(account)(), clock: Date.now },
  new LambdaFunctionsInVpcs({ clients: functionClients(access), prefix: access.roleName }),
];

/** The namespaces of EKS clusters, read as their workloads are. */
export const memberNamespaces = (access: MemberAccess): NamespaceReads => new EksNamespaces(...eksOf(access));

const readBy = (scope: WorkloadScope, access: MemberAccess): readonly WorkloadSource[] =>
  sourcesReadBy(scope).map((name) => SOURCES[name](access));

/** The workload sources that are read for a whole account and Region, each with the account's role. */
export const workloadSources = (access: MemberAccess): readonly WorkloadSource[] => readBy('region', access);

/** The workload sources whose clusters are scopes of their own. */
export const clusterSources = (access: MemberAccess): readonly WorkloadSource[] => readBy('cluster', access);
