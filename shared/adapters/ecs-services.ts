import {
  ClusterNotFoundException,
  type ContainerDefinition,
  DescribeServicesCommand,
  DescribeTaskDefinitionCommand,
  type ECSClient,
  paginateListServices,
  type Service,
  type TaskDefinition,
} from '@aws-sdk/client-ecs';
import type { Cluster, RunningTask } from '../domain/image/usage.ts';
import type { WorkloadKind } from '../domain/image/workload-kind.ts';
import type { Scope } from '../domain/review/run.ts';
import { ScopeUnreachableError, ServicesUnreadableError } from '../ports/errors.ts';
import type { RegionalClients } from './clients.ts';
import { orUnreachable, pagesOrUnreachable } from './refusal.ts';

/** https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListServices.html */
const SERVICES_A_PAGE = 100;
/** https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServices.html */
export const SERVICES_A_CALL = 10;

/** The services of Amazon ECS and their task definitions. */
export class EcsServices {
  readonly #clients: RegionalClients<ECSClient>;

  constructor(clients: RegionalClients<ECSClient>) {
    this.#clients = clients;
  }

  /** The ARNs of all services, page by page; none of a cluster that was deleted since it was listed. */
  async *listed(cluster: Cluster): AsyncIterable<readonly string[]> {
    const config = { client: this.#clients(cluster), pageSize: SERVICES_A_PAGE };
    const pages = paginateListServices(config, { cluster: cluster.cluster });
    try {
      for await (const { serviceArns } of pagesOrUnreachable(pages, unreachable(cluster))) yield serviceArns ?? [];
    } catch (error) {
      if (!(error instanceof ClusterNotFoundException)) throw error;
    }
  }

  /** Those that may start tasks. @param services at most `SERVICES_A_CALL` */
  async described(cluster: Cluster, services: string[]): Promise<readonly Service[]> {
    const command = new DescribeServicesCommand({ cluster: cluster.cluster, services });
    const { services: described = [], failures = [] } = await this.#send(cluster, (client) => client.send(command));
    const unread = failures.filter(({ reason }) => reason !== 'MISSING');
    if (unread.length > 0) {
      const named = unread.map(({ arn, reason, detail }) => [arn, reason, detail].filter(Boolean).join(' '));
      throw new ServicesUnreadableError(nameOf(cluster), named);
    }
    // One that is being deleted starts no task.
    return described.filter(({ status }) => status === 'ACTIVE');
  }

  /** A task definition, by its ARN. */
  async definition(cluster: Cluster, taskDefinition: string): Promise<DefinedTask> {
    const command = new DescribeTaskDefinitionCommand({ taskDefinition });
    const { taskDefinition: described } = await this.#send(cluster, (client) => client.send(command));
    const { containerDefinitions, ...rest } = described ?? {};
    if (!containerDefinitions)
      throw new ServicesUnreadableError(nameOf(cluster), [`${taskDefinition} has no list of containers`]);
    return { ...rest, containerDefinitions };
  }

  #send<Answer>(cluster: Cluster, call: (client: ECSClient) => Promise<Answer>): Promise<Answer> {
    return orUnreachable(() => call(this.#clients(cluster)), unreachable(cluster));
  }
}

/** A task definition with its list of containers. */
export interface DefinedTask extends Omit<TaskDefinition, 'containerDefinitions'> {
  readonly containerDefinitions: readonly ContainerDefinition[];
}

/** While a deployment goes on, tasks of the revision before it may start again, too. */
export const definitionsOf = ({ taskDefinition, deployments = [], taskSets = [] }: Service): readonly string[] => [
  ...new Set(
    [
      taskDefinition,
      ...deployments.map((one) => one.taskDefinition),
      ...taskSets.map((one) => one.taskDefinition),
    ].flatMap((definition) => definition ?? []),
  ),
];

/** It should run no task, and does not. A daemon is at zero until the next instance joins, which no person decides. */
export const isAtZero = ({
  schedulingStrategy,
  desiredCount,
  runningCount = 0,
  pendingCount = 0,
  deployments = [],
  taskSets = [],
}: Service): boolean =>
  schedulingStrategy !== 'DAEMON' &&
  desiredCount === 0 &&
  runningCount + pendingCount === 0 &&
  deployments.every((one) => (one.desiredCount ?? 0) + (one.runningCount ?? 0) + (one.pendingCount ?? 0) === 0) &&
  taskSets.every((one) => (one.computedDesiredCount ?? 0) + (one.runningCount ?? 0) + (one.pendingCount ?? 0) === 0);

/** A task that may start, with the images of its task definition. */
export function taskOfDefinition(
  workloadKind: WorkloadKind,
  workload: string,
  { containerDefinitions, runtimePlatform }: DefinedTask,
): RunningTask {
  const architecture = runtimePlatform?.cpuArchitecture?.toLowerCase();
  return {
    workloadKind,
    workload,
    isPossible: true,
    ...(architecture !== undefined && { architecture: architectureNamed(architecture) }),
    containers: containerDefinitions.map(({ name = '', image }) => ({ name, ...(image !== undefined && { image }) })),
  };
}

/** ECS says `x86_64` where image platforms say `amd64`. */
export const architectureNamed = (value: string): string => (value === 'x86_64' ? 'amd64' : value);

const nameOf = ({ account, region, cluster }: Cluster): string => `${account}/${region}/${cluster}`;

const unreachable =
  ({ account, region }: Scope) =>
  (cause: Error): Error =>
    new ScopeUnreachableError({ account, region }, cause);
