import {
  ClusterNotFoundException,
  DescribeServicesCommand,
  DescribeTaskDefinitionCommand,
  type ECSClient,
  paginateListServices,
  type Service,
} from '@aws-sdk/client-ecs';
import { onceForEach, piecesOf } from '../concurrency.ts';
import type { AskedImage } from '../domain/admission/asked-images.ts';
import type { Cluster } from '../domain/image/usage.ts';
import type { Scope } from '../domain/review/run.ts';
import { ScopeUnreachableError, ServicesUnreadableError } from '../ports/errors.ts';
import type { TemplateSource, WorkloadTemplate } from '../ports/templates.ts';
import type { RegionalClients } from './clients.ts';
import { EcsWorkloads } from './ecs-workloads.ts';
import { orUnreachable, pagesOrUnreachable } from './refusal.ts';

/** https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListServices.html */
const SERVICES_A_PAGE = 100;
/** https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServices.html */
const SERVICES_A_CALL = 10;

/** The task definitions of the services of Amazon ECS. */
export class EcsTemplates implements TemplateSource {
  readonly platform = 'ECS';
  readonly #clients: RegionalClients<ECSClient>;

  constructor(clients: RegionalClients<ECSClient>) {
    this.#clients = clients;
  }

  clusters(scope: Scope): AsyncIterable<Cluster> {
    return new EcsWorkloads(this.#clients).clusters(scope);
  }

  async *templates(cluster: Cluster): AsyncIterable<readonly WorkloadTemplate[]> {
    const imagesOf = onceForEach((definition: string) => this.#images(cluster, definition));
    for await (const arns of this.#listed(cluster)) {
      for (const piece of piecesOf(arns, SERVICES_A_CALL)) {
        const templates: WorkloadTemplate[] = [];
        for (const service of await this.#described(cluster, piece))
          for (const definition of definitionsOf(service))
            templates.push({
              ...{ workloadKind: 'ecs-service', workload: service.serviceName ?? '' },
              images: await imagesOf(definition),
            });
        yield templates;
      }
    }
  }

  async *#listed(cluster: Cluster): AsyncIterable<readonly string[]> {
    const config = { client: this.#clients(cluster), pageSize: SERVICES_A_PAGE };
    const pages = paginateListServices(config, { cluster: cluster.cluster });
    try {
      for await (const { serviceArns } of pagesOrUnreachable(pages, unreachable(cluster))) yield serviceArns ?? [];
    } catch (error) {
      // Deleted since it was listed.
      if (!(error instanceof ClusterNotFoundException)) throw error;
    }
  }

  async #described(cluster: Cluster, services: string[]): Promise<readonly Service[]> {
    const command = new DescribeServicesCommand({ cluster: cluster.cluster, services });
    const { services: described = [], failures = [] } = await this.#send(cluster, (client) => client.send(command));
    const unread = failures.filter(({ reason }) => reason !== 'MISSING');
    if (unread.length > 0) {
      const named = unread.map(({ arn, reason, detail }) => [arn, reason, detail].filter(Boolean).join(' '));
      throw new ServicesUnreadableError(`${cluster.account}/${cluster.region}/${cluster.cluster}`, named);
    }
    // One that is being deleted starts no task.
    return described.filter(({ status }) => status === 'ACTIVE');
  }

  async #images(cluster: Cluster, taskDefinition: string): Promise<readonly AskedImage[]> {
    const command = new DescribeTaskDefinitionCommand({ taskDefinition });
    const { taskDefinition: described } = await this.#send(cluster, (client) => client.send(command));
    const containers = described?.containerDefinitions;
    if (!containers)
      throw new ServicesUnreadableError(`${cluster.account}/${cluster.region}/${cluster.cluster}`, [
        `${taskDefinition} has no list of containers`,
      ]);
    return containers.map(({ image }, index) => ({
      field: `containerDefinitions[${index}].image`,
      ...(image !== undefined && { reference: image }),
    }));
  }

  #send<Answer>(cluster: Cluster, call: (client: ECSClient) => Promise<Answer>): Promise<Answer> {
    return orUnreachable(() => call(this.#clients(cluster)), unreachable(cluster));
  }
}

const unreachable =
  ({ account, region }: Scope) =>
  (cause: Error): Error =>
    new ScopeUnreachableError({ account, region }, cause);

/** While a deployment goes on, tasks of the revision before it may start again, too. */
const definitionsOf = ({ taskDefinition, deployments = [], taskSets = [] }: Service): readonly string[] => [
  ...new Set(
    [
      taskDefinition,
      ...deployments.map((one) => one.taskDefinition),
      ...taskSets.map((one) => one.taskDefinition),
    ].flatMap((definition) => definition ?? []),
  ),
];
