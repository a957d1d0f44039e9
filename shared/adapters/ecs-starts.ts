import type { ECSClient } from '@aws-sdk/client-ecs';
import { onceForEach } from '../concurrency.ts';
import { partitionOf } from '../domain/image/partitions.ts';
import type { Cluster } from '../domain/image/usage.ts';
import type { WorkloadKind } from '../domain/image/workload-kind.ts';
import type { StartInCluster } from '../ports/starts.ts';
import type { RegionalClients } from './clients.ts';
import { type DefinedTask, EcsServices, taskOfDefinition } from './ecs-services.ts';
import { isNamed } from './refusal.ts';

/** A task definition that something runs in a cluster: a revision, or a family, which means its latest active revision. */
export interface NamedStart {
  readonly cluster: Cluster;
  readonly workload: string;
  readonly taskDefinition: string;
}

/** Clusters by their ARNs, which targets name. */
export const clustersByArn = (clusters: readonly Cluster[]): ReadonlyMap<string, Cluster> =>
  new Map(clusters.map((one) => [arnOf(one), one] as const));

const arnOf = ({ account, region, cluster }: Cluster): string =>
  `arn:${partitionOf(region).name}:ecs:${region}:${account}:cluster/${cluster}`;

/**
 * What would start, by the task definitions of now. All are of one account and Region, so each definition is read once, by its family
 * and revision. ECS takes an ARN only with a revision.
 */
export async function startsOf(
  clients: RegionalClients<ECSClient>,
  workloadKind: WorkloadKind,
  named: readonly NamedStart[],
): Promise<readonly StartInCluster[]> {
  const services = new EcsServices(clients);
  const [first] = named;
  if (!first) return [];
  const definition = onceForEach((name: string) => unlessGone(() => services.definition(first.cluster, name)));
  const starts: StartInCluster[] = [];
  for (const { cluster, workload, taskDefinition } of named) {
    const defined = await definition(taskDefinition.slice(taskDefinition.lastIndexOf('/') + 1));
    if (defined && mayRun(defined)) starts.push({ cluster, task: taskOfDefinition(workloadKind, workload, defined) });
  }
  return starts;
}

/** ECS runs no task of a revision that is deregistered, and a revision is never registered again. */
const mayRun = ({ status = 'ACTIVE' }: DefinedTask): boolean => status === 'ACTIVE';

/** ECS has no error of its own for a task definition that is deleted, or for a family without an active revision. */
async function unlessGone(read: () => Promise<DefinedTask>): Promise<DefinedTask | undefined> {
  try {
    return await read();
  } catch (error) {
    if (isNamed(error, 'ClientException') && error.message.startsWith('Unable to describe task definition'))
      return undefined;
    throw error;
  }
}
