import type { ECSClient } from '@aws-sdk/client-ecs';
import { onceForEach, piecesOf } from '../concurrency.ts';
import type { AskedImage } from '../domain/admission/asked-images.ts';
import type { Cluster } from '../domain/image/usage.ts';
import type { Scope } from '../domain/review/run.ts';
import type { TemplateSource, WorkloadTemplate } from '../ports/templates.ts';
import type { RegionalClients } from './clients.ts';
import { type DefinedTask, definitionsOf, EcsServices, SERVICES_A_CALL } from './ecs-services.ts';
import { EcsWorkloads } from './ecs-workloads.ts';

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
    const services = new EcsServices(this.#clients);
    const imagesOf = onceForEach(async (arn: string) => imagesIn(await services.definition(cluster, arn)));
    for await (const arns of services.listed(cluster)) {
      for (const piece of piecesOf(arns, SERVICES_A_CALL)) {
        const templates: WorkloadTemplate[] = [];
        for (const service of await services.described(cluster, piece))
          for (const definition of definitionsOf(service))
            templates.push({
              ...{ workloadKind: 'ecs-service', workload: service.serviceName ?? '' },
              images: await imagesOf(definition),
            });
        yield templates;
      }
    }
  }
}

const imagesIn = ({ containerDefinitions }: DefinedTask): readonly AskedImage[] =>
  containerDefinitions.map(({ image }, index) => ({
    field: `containerDefinitions[${index}].image`,
    ...(image !== undefined && { reference: image }),
  }));
