import {
  ClientException,
  ContinueServiceDeploymentCommand,
  DescribeServiceDeploymentsCommand,
  DescribeServicesCommand,
  type ECSClient,
  InvalidParameterException,
  paginateListClusters,
  paginateListServices,
  type ServiceDeployment,
  ServiceDeploymentNotFoundException,
} from '@aws-sdk/client-ecs';
import { piecesOf } from '../concurrency.ts';
import type { ContainerImage } from '../domain/admission/ecs-images.ts';
import type { Registry } from '../domain/image/image.ts';
import { DeploymentsNotOursError, type PausedDeployment, type PausedDeployments } from '../ports/doors.ts';
import type { RegionalClients } from './clients.ts';
import { EcsServiceRevisions } from './ecs-service-revisions.ts';
import { isRefusal } from './refusal.ts';

/** https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServices.html */
const SERVICES_A_CALL = 10;
/** https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServiceDeployments.html */
const DEPLOYMENTS_A_CALL = 20;
const STAGE = 'PRE_SCALE_UP';

/** Deployments that wait at a pause hook before their first task, with the door role of their account. */
export class EcsPausedDeployments implements PausedDeployments {
  readonly #clients: RegionalClients<ECSClient>;

  constructor(clients: RegionalClients<ECSClient>) {
    this.#clients = clients;
  }

  async waiting(place: Registry, deploymentArn: string): Promise<PausedDeployment | undefined> {
    const [waiting] = await this.#described(place, [deploymentArn]);
    return waiting;
  }

  async *all(place: Registry): AsyncIterable<PausedDeployment> {
    const client = this.#clients(place);
    const clusters = await this.#allowed(place, () => listed(paginateListClusters({ client }, {}), 'clusterArns'));
    const failures: unknown[] = [];
    for (const cluster of clusters) {
      try {
        yield* this.#ofCluster(place, cluster);
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures.find((error) => !(error instanceof DeploymentsNotOursError)) ?? failures[0];
  }

  imagesOf(place: Registry, { revisionArn }: PausedDeployment): Promise<readonly ContainerImage[]> {
    return new EcsServiceRevisions(this.#clients(place)).imagesOf(revisionArn);
  }

  async answer(place: Registry, waiting: PausedDeployment, action: 'CONTINUE' | 'ROLLBACK'): Promise<boolean> {
    const { deploymentArn: serviceDeploymentArn, hookIds } = waiting;
    let isAnswered = false;
    for (const hookId of hookIds) {
      try {
        const command = new ContinueServiceDeploymentCommand({ serviceDeploymentArn, hookId, action });
        await this.#allowed(place, () => this.#clients(place).send(command));
        isAnswered = true;
      } catch (error) {
        // Another attempt, a person or the time-out may have been first. If it still waits, the call was wrong.
        const isRefused = error instanceof InvalidParameterException || error instanceof ClientException;
        if (!isRefused && !(error instanceof ServiceDeploymentNotFoundException)) throw error;
        if ((await this.waiting(place, serviceDeploymentArn))?.hookIds.includes(hookId)) throw error;
      }
    }
    return isAnswered;
  }

  async *#ofCluster(place: Registry, cluster: string): AsyncIterable<PausedDeployment> {
    const client = this.#clients(place);
    const services = await this.#allowed(place, () =>
      listed(paginateListServices({ client, pageSize: 100 }, { cluster }), 'serviceArns'),
    );
    for (const piece of piecesOf(services, SERVICES_A_CALL)) yield* this.#ofServices(place, cluster, piece);
  }

  async *#ofServices(place: Registry, cluster: string, arns: string[]): AsyncIterable<PausedDeployment> {
    const command = new DescribeServicesCommand({ cluster, services: arns });
    const { services = [] } = await this.#allowed(place, () => this.#clients(place).send(command));
    const deployments = services
      .filter(({ deploymentConfiguration }) =>
        deploymentConfiguration?.lifecycleHooks?.some(
          ({ targetType, lifecycleStages = [] }) => targetType === 'PAUSE' && lifecycleStages.includes(STAGE),
        ),
      )
      .flatMap(({ currentServiceDeployment }) => currentServiceDeployment ?? []);
    for (const piece of piecesOf(deployments, DEPLOYMENTS_A_CALL)) yield* await this.#described(place, piece);
  }

  async #described(place: Registry, serviceDeploymentArns: string[]): Promise<readonly PausedDeployment[]> {
    if (serviceDeploymentArns.length === 0) return [];
    const command = new DescribeServiceDeploymentsCommand({ serviceDeploymentArns });
    const { serviceDeployments = [] } = await this.#allowed(place, () => this.#clients(place).send(command));
    return serviceDeployments.flatMap((deployment) => paused(deployment) ?? []);
  }

  async #allowed<Answer>(place: Registry, call: () => Promise<Answer>): Promise<Answer> {
    try {
      return await call();
    } catch (error) {
      throw isRefusal(error) ? new DeploymentsNotOursError(place, error) : error;
    }
  }
}

/** `undefined` unless it waits at pause hooks before its first task. */
function paused(deployment: ServiceDeployment): PausedDeployment | undefined {
  const { serviceDeploymentArn, clusterArn, serviceArn, targetServiceRevision, lifecycleStage } = deployment;
  const hookIds = (deployment.lifecycleHookDetails ?? [])
    .filter(({ targetType, status }) => targetType === 'PAUSE' && status === 'AWAITING_ACTION')
    .flatMap(({ hookId }) => hookId ?? []);
  if (lifecycleStage !== STAGE || hookIds.length === 0) return undefined;
  if (serviceDeploymentArn === undefined || targetServiceRevision?.arn === undefined) return undefined;
  return {
    ...{ deploymentArn: serviceDeploymentArn, hookIds, revisionArn: targetServiceRevision.arn },
    ...{ cluster: lastOf(clusterArn), service: lastOf(serviceArn) },
  };
}

const lastOf = (arn = ''): string => arn.slice(arn.lastIndexOf('/') + 1);

async function listed<Name extends string>(
  pages: AsyncIterable<{ readonly [one in Name]?: string[] | undefined }>,
  name: Name,
): Promise<string[]> {
  const all: string[] = [];
  for await (const page of pages) all.push(...(page[name] ?? []));
  return all;
}
