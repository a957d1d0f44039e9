import type { WorkloadSourceName } from '../domain/image/workload-kind.ts';
import type { WorkloadSource } from '../ports/workloads.ts';
import { ecsClients, type MemberAccess } from './clients.ts';
import { EcsWorkloads } from './ecs-workloads.ts';

/** The adapter of each workload source, by the name in the workload kinds. */
const SOURCES: Readonly<Record<WorkloadSourceName, (access: MemberAccess) => WorkloadSource>> = {
  ecs: (access) => new EcsWorkloads(ecsClients(access)),
};

/** All workload sources of an account, each read with the account's role. */
export const workloadSources = (access: MemberAccess): readonly WorkloadSource[] =>
  Object.values(SOURCES).map((make) => make(access));
