import { isDeepStrictEqual } from 'node:util';
import {
  type Deployment,
  DescribeServiceDeploymentsCommand,
  DescribeServicesCommand,
  DescribeTaskDefinitionCommand,
  type ECSClient,
  ListServiceDeploymentsCommand,
  RegisterTaskDefinitionCommand,
  type RegisterTaskDefinitionCommandInput,
  type Service,
  type ServiceDeploymentBrief,
  UpdateServiceCommand,
  type UpdateServiceCommandInput,
} from '@aws-sdk/client-ecs';
import {
  AnswerIncompleteError,
  DeployerUnreachableError,
  DeploymentRefusedError,
  DeploymentUnknownError,
  ServiceChangedError,
  ServiceGoneError,
  ServiceUnreadableError,
} from '../ports/acting-errors.ts';
import type { DecidedOn, Deployer, ServiceRef, ServiceState } from '../ports/rollouts.ts';
import type { RegionalClients } from './clients.ts';
import {
  bakeMsOf,
  controllerOf,
  definitionOf,
  deploymentsOf,
  goingOn,
  isBriefOf,
  type ProgressOf,
  progressIn,
  unreportedSince,
} from './ecs-service.ts';
import { isNamed, orUnreachable } from './refusal.ts';
import { registrable, withContainerImages } from './task-definition.ts';

const GONE = ['ServiceNotFoundException', 'ServiceNotActiveException', 'ClusterNotFoundException'];

const UNREAD_PROGRESS =
  'its stage is not known, because the rollout role of the account lacks ecs:DescribeServiceDeployments. Deploy member-account.yaml there, of the same version as the hub';

/** Errors that a retry does not change. */
const REFUSED = [
  'InvalidParameterException',
  'ClientException',
  'NamespaceNotFoundException',
  'PlatformTaskDefinitionIncompatibilityException',
  'PlatformUnknownException',
  'UnsupportedFeatureException',
];

interface Definition {
  readonly arn: string;
  readonly input: RegisterTaskDefinitionCommandInput;
}

/**
 * Services of Amazon ECS. RegisterTaskDefinition has a bucket of 20 calls for a whole account and Region that is filled
 * by one a second, and UpdateService one of 50 filled by five: the SDK's attempts (clients.ts) outlast what a few
 * deployments at once need; who asks for more holds them back.
 */
export class EcsDeployer implements Deployer {
  readonly #clients: RegionalClients<ECSClient>;

  constructor(clients: RegionalClients<ECSClient>) {
    this.#clients = clients;
  }

  async describe(ref: ServiceRef): Promise<ServiceState> {
    const service = await this.#service(ref);
    const taskDefinition = definitionOf(service);
    const definition = taskDefinition === '' ? undefined : await this.#definition(ref, taskDefinition);
    const containers = definition?.input.containerDefinitions ?? [];
    const bakeMs = bakeMsOf(service);
    const briefs = await this.#serviceDeployments(ref, service);
    return {
      controller: controllerOf(service),
      taskDefinition,
      containers: containers.map(({ name = '', image = '' }) => ({ name, image })),
      deployments: deploymentsOf(service, briefs, await this.#progress(ref, goingOn(service, briefs))),
      ...(bakeMs > 0 && { bakeMs }),
    };
  }

  /** Service deployments of deployments without a rollout state, and perhaps more. */
  async #serviceDeployments(ref: ServiceRef, service: Service): Promise<readonly ServiceDeploymentBrief[]> {
    const after = unreportedSince(service);
    if (after === undefined || controllerOf(service) !== 'ECS') return [];
    const { deployments = [] } = service;
    const briefs: ServiceDeploymentBrief[] = [];
    const isMissing = (deployment: Deployment) =>
      deployment.rolloutState === undefined && !briefs.some((one) => isBriefOf(one, deployment));
    const { cluster, service: name } = ref;
    let nextToken: string | undefined;
    do {
      const command = new ListServiceDeploymentsCommand({
        ...{ cluster, service: name, createdAt: { after }, maxResults: 100 },
        ...(nextToken !== undefined && { nextToken }),
      });
      const page = await this.#send(ref, (client) => client.send(command));
      briefs.push(...(page.serviceDeployments ?? []));
      nextToken = page.nextToken;
    } while (nextToken !== undefined && deployments.some(isMissing));
    return briefs;
  }

  /** Only for people, so an answer that does not come stops nothing. */
  async #progress(ref: ServiceRef, arns: readonly string[]): Promise<ProgressOf> {
    if (arns.length === 0) return new Map();
    const command = new DescribeServiceDeploymentsCommand({ serviceDeploymentArns: [...arns] });
    try {
      const { serviceDeployments = [] } = await this.#clients(ref).send(command);
      return new Map(serviceDeployments.map((one) => [one.serviceDeploymentArn ?? '', progressIn(one)]));
    } catch (error) {
      if (!isNamed(error, 'AccessDeniedException')) return new Map();
      return new Map(arns.map((arn) => [arn, { unread: UNREAD_PROGRESS }]));
    }
  }

  async restart(ref: ServiceRef, decidedOn: DecidedOn): Promise<string> {
    return this.#update(ref, decidedOn, { forceNewDeployment: true });
  }

  /**
   * A running definition is not deployed again, and the family's newest revision is reused if it is the wanted one: a
   * retry after a crash between registering and deploying leaves no second revision.
   */
  async register(ref: ServiceRef, images: ReadonlyMap<string, string>, decidedOn: DecidedOn): Promise<string> {
    const service = await this.#unchanged(ref, decidedOn);
    const { input: present } = await this.#definition(ref, decidedOn.taskDefinition);
    const wanted = withContainerImages(present, images);
    if ('strangers' in wanted) {
      throw new DeploymentRefusedError(ref, `its task definition has no container ${wanted.strangers.join(', ')}`);
    }
    if (isDeepStrictEqual(wanted, present)) return primaryOf(ref, service);
    return this.#update(ref, decidedOn, { taskDefinition: await this.#revision(ref, wanted) });
  }

  async putBack(ref: ServiceRef, taskDefinition: string, decidedOn: DecidedOn): Promise<string> {
    return this.#update(ref, decidedOn, { taskDefinition });
  }

  /** The service, if it was not deployed since the decision. */
  async #unchanged(ref: ServiceRef, { taskDefinition, deployments }: DecidedOn): Promise<Service> {
    const service = await this.#ours(ref);
    const [now, primary] = [definitionOf(service), service.deployments?.find(({ status }) => status === 'PRIMARY')?.id];
    if (now === taskDefinition && primary === deployments.find(({ isPrimary }) => isPrimary)?.deploymentId)
      return service;
    throw new ServiceChangedError(
      ref,
      primary === undefined
        ? 'it has no primary deployment now'
        : `its primary deployment is now ${primary}, of ${now || 'no task definition'}`,
    );
  }

  async #ours(ref: ServiceRef): Promise<Service> {
    const service = await this.#service(ref);
    const controller = controllerOf(service);
    if (controller === 'ECS') return service;
    throw new DeploymentRefusedError(ref, `its deployment controller is ${controller}`);
  }

  async #service(ref: ServiceRef): Promise<Service> {
    const command = new DescribeServicesCommand({ cluster: ref.cluster, services: [ref.service] });
    const { services = [], failures = [] } = await this.#send(ref, (client) => client.send(command));
    const [service] = services;
    if (service?.status === 'ACTIVE') return service;
    if (service) throw new ServiceGoneError(ref, `its status is ${service.status}`);
    const [{ reason = 'no answer', detail } = {}] = failures;
    const words = [reason, detail].filter(Boolean).join(': ');
    throw reason === 'MISSING' ? new ServiceGoneError(ref, words) : new ServiceUnreadableError(ref, words);
  }

  /** @param name an ARN, or a family: then its newest active revision */
  async #definition(ref: ServiceRef, name: string): Promise<Definition> {
    const command = new DescribeTaskDefinitionCommand({ taskDefinition: name, include: ['TAGS'] });
    const { taskDefinition, tags } = await this.#send(ref, (client) => client.send(command));
    if (taskDefinition?.taskDefinitionArn !== undefined) {
      return { arn: taskDefinition.taskDefinitionArn, input: registrable(taskDefinition, tags) };
    }
    throw new AnswerIncompleteError('DescribeTaskDefinition', name, 'a task definition');
  }

  async #revision(ref: ServiceRef, wanted: RegisterTaskDefinitionCommandInput): Promise<string> {
    const family = wanted.family ?? '';
    const newest = await this.#definition(ref, family);
    if (isDeepStrictEqual(newest.input, wanted)) return newest.arn;
    const command = new RegisterTaskDefinitionCommand(wanted);
    const { taskDefinition } = await this.#change(ref, (client) => client.send(command));
    if (taskDefinition?.taskDefinitionArn !== undefined) return taskDefinition.taskDefinitionArn;
    throw new AnswerIncompleteError('RegisterTaskDefinition', family, 'the ARN of the new revision');
  }

  /** Every attempt reads the service right before it: one that was throttled may come seconds after the first. */
  async #update(ref: ServiceRef, decidedOn: DecidedOn, changes: Partial<UpdateServiceCommandInput>): Promise<string> {
    const command = new UpdateServiceCommand({ cluster: ref.cluster, service: ref.service, ...changes });
    let attempts = 0;
    command.middlewareStack.add(
      (next) => async (request) => {
        attempts += 1;
        if (attempts > 1) await this.#unchanged(ref, decidedOn);
        return next(request).catch((error: unknown) => {
          throw isOurError(error) ? error : new LostAnswer(error);
        });
      },
      { step: 'deserialize', priority: 'high' },
    );
    await this.#unchanged(ref, decidedOn);
    const { service } = await this.#change(ref, (client) => client.send(command)).catch((error: unknown) => {
      throw error instanceof LostAnswer ? new DeploymentUnknownError(ref, error.lost) : error;
    });
    const begun = primaryOf(ref, service ?? {});
    if (!decidedOn.deployments.some(({ deploymentId }) => deploymentId === begun)) return begun;
    const missing = new AnswerIncompleteError('UpdateService', serviceName(ref), 'a new deployment');
    throw new DeploymentUnknownError(ref, missing);
  }

  async #change<Result>(ref: ServiceRef, call: (client: ECSClient) => Promise<Result>): Promise<Result> {
    try {
      return await this.#send(ref, call);
    } catch (error) {
      if (!isNamed(error, ...REFUSED)) throw error;
      throw new DeploymentRefusedError(ref, `${error.name}: ${error.message}`, error);
    }
  }

  async #send<Result>(ref: ServiceRef, call: (client: ECSClient) => Promise<Result>): Promise<Result> {
    try {
      return await orUnreachable(
        () => call(this.#clients(ref)),
        (cause) => new DeployerUnreachableError(ref, cause),
      );
    } catch (error) {
      if (!isNamed(error, ...GONE)) throw error;
      throw new ServiceGoneError(ref, `${error.name}: ${error.message}`);
    }
  }
}

/** ECS read the request and did nothing: throttled, refused, invalid. */
const isOurError = (error: unknown): boolean =>
  error instanceof Error && '$fault' in error && error.$fault === 'client';

/**
 * A lost answer, under a name that the SDK's retries do not know: UpdateService takes no token, so a retry would deploy
 * twice. Not as its `cause`, which the retries inspect.
 */
class LostAnswer extends Error {
  override readonly name = 'LostAnswer';
  readonly lost: Error;
  constructor(lost: unknown) {
    super('the answer of ECS was lost');
    this.lost = lost instanceof Error ? lost : new Error(String(lost));
  }
}

function primaryOf(ref: ServiceRef, { deployments = [] }: Service): string {
  const primary = deployments.find(({ status }) => status === 'PRIMARY');
  if (primary?.id !== undefined) return primary.id;
  throw new AnswerIncompleteError('DescribeServices', serviceName(ref), 'a primary deployment');
}

const serviceName = ({ account, region, cluster, service }: ServiceRef): string =>
  `${account}/${region}/${cluster}/${service}`;
