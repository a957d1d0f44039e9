import type { DeploymentProgress } from '../../../shared/domain/rollout/deployment.ts';
import {
  DeployerUnreachableError,
  DeploymentRefusedError,
  ServiceChangedError,
  ServiceGoneError,
} from '../../../shared/ports/acting-errors.ts';
import type { Clock } from '../../../shared/ports/clock.ts';
import type {
  DecidedOn,
  Deployer,
  ServiceDeployment,
  ServiceRef,
  ServiceState,
} from '../../../shared/ports/rollouts.ts';
import { copied } from './copied.ts';

type Containers = ServiceState['containers'];
type Changing<Type> = { -readonly [Key in keyof Type]: Type[Key] };

export interface StartedDeployment {
  readonly service: ServiceRef;
  readonly deploymentId: string;
  readonly taskDefinition: string;
  readonly containers: Containers;
}

interface Kept {
  readonly controller: Exclude<ServiceState['controller'], 'KUBERNETES'>;
  /** Present for a service that is deployed blue/green. */
  readonly bakeMs?: number;
  taskDefinition: string;
  /** Newest first. */
  deployments: Changing<ServiceDeployment>[];
}

/** Services of ECS in memory whose deployments end when a test says so. */
export class FakeDeployer implements Deployer {
  readonly #clock: Clock;
  readonly #services = new Map<string, Kept>();
  /** Revisions of each family, oldest first. */
  readonly #families = new Map<string, Containers[]>();
  readonly #denied = new Set<string>();
  #deployments = 0;
  /** What happens once, after the next deployment was decided and before ECS is asked for it. */
  meanwhile: () => void = () => {};
  /** Every deployment that was really started, in order. */
  readonly started: { readonly service: ServiceRef; readonly deploymentId: string }[] = [];
  /** Is called at the instant that ECS takes a deployment of `started`, with what it deploys. */
  onStart: (started: StartedDeployment) => void = () => {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A service whose first deployment is completed. */
  create(
    service: ServiceRef,
    containers: Containers,
    settings: Partial<Pick<Kept, 'controller' | 'bakeMs'>> = {},
  ): this {
    const taskDefinition = this.#revision(service.service.replaceAll(':', '.'), containers);
    const first = { ...this.#deployment(taskDefinition), state: 'completed' as const };
    this.#services.set(keyOf(service), { controller: 'ECS', ...settings, taskDefinition, deployments: [first] });
    return this;
  }

  remove(service: ServiceRef): this {
    this.#services.delete(keyOf(service));
    return this;
  }

  /** From now on the rollout role cannot be assumed. */
  deny({ account, region }: Pick<ServiceRef, 'account' | 'region'>): this {
    this.#denied.add(`${account}/${region}`);
    return this;
  }

  /** A deployment that somebody else starts, of the same revision, an earlier one or a new one; gives its id. */
  deployByHand(service: ServiceRef, to: { readonly taskDefinition?: string; readonly image?: string } = {}): string {
    const kept = this.#get(service);
    const { taskDefinition = kept.taskDefinition, image } = to;
    const containers = this.#containers(taskDefinition);
    kept.taskDefinition =
      image === undefined
        ? taskDefinition
        : this.#revision(
            familyOf(taskDefinition),
            containers.map((one, n) => (n === 0 ? { ...one, image } : one)),
          );
    return this.#begin(kept).deploymentId;
  }

  /** The deployment replaced all others. */
  complete(service: ServiceRef, deploymentId: string): this {
    const kept = this.#get(service);
    kept.deployments = [Object.assign(this.#find(service, deploymentId), { state: 'completed' as const })];
    return this;
  }

  /** Its tasks do not come up. With `rollsBack` the circuit breaker makes the deployment before it the primary again. */
  fail(service: ServiceRef, deploymentId: string, { rollsBack = false } = {}): this {
    const kept = this.#get(service);
    const failed = this.#find(service, deploymentId);
    Object.assign(failed, { state: 'failed', detail: 'ECS deployment circuit breaker: tasks failed to start.' });
    const before = kept.deployments.find((one) => one !== failed && one.state === 'completed');
    if (rollsBack && before) {
      failed.isPrimary = false;
      before.isPrimary = true;
      kept.taskDefinition = before.taskDefinition;
    }
    return this;
  }

  /** ECS ends the deployment so, or tells nothing of it. */
  tell(service: ServiceRef, deploymentId: string, state: ServiceDeployment['state']): this {
    Object.assign(this.#find(service, deploymentId), { state });
    return this;
  }

  /** How far ECS says that the deployment is. */
  advance(service: ServiceRef, deploymentId: string, progress: DeploymentProgress): this {
    Object.assign(this.#find(service, deploymentId), { progress });
    return this;
  }

  /** ECS lists a deployment that was replaced for a while only. */
  forget(service: ServiceRef, deploymentId: string): this {
    const kept = this.#get(service);
    kept.deployments = kept.deployments.filter((one) => one.deploymentId !== deploymentId);
    return this;
  }

  async describe(service: ServiceRef): Promise<ServiceState> {
    const { taskDefinition, ...kept } = this.#open(service);
    const deployments = kept.deployments.map(({ progress, ...one }) =>
      one.state === 'in-progress' && progress ? { ...one, progress } : one,
    );
    return copied({ ...kept, deployments, taskDefinition, containers: this.#containers(taskDefinition) });
  }

  async restart(service: ServiceRef, decidedOn: DecidedOn): Promise<string> {
    this.#unchanged(service, decidedOn);
    this.#passMoment();
    return this.#start(service, this.#own(service));
  }

  async register(service: ServiceRef, images: ReadonlyMap<string, string>, decidedOn: DecidedOn): Promise<string> {
    const kept = this.#unchanged(service, decidedOn);
    const containers = this.#containers(decidedOn.taskDefinition);
    const strange = [...images.keys()].find((name) => !containers.some((one) => one.name === name));
    if (strange !== undefined) {
      throw new DeploymentRefusedError(service, `its task definition has no container ${strange}`);
    }
    const wanted = containers.map(({ name, image }) => ({ name, image: images.get(name) ?? image }));
    if (isSame(wanted, containers)) return primaryOf(kept).deploymentId;
    const family = familyOf(decidedOn.taskDefinition);
    const newest = this.#families.get(family)?.at(-1);
    const taskDefinition =
      newest && isSame(newest, wanted)
        ? `${family}:${this.#families.get(family)?.length}`
        : this.#revision(family, wanted);
    return this.putBack(service, taskDefinition, decidedOn);
  }

  async putBack(service: ServiceRef, taskDefinition: string, decidedOn: DecidedOn): Promise<string> {
    const kept = this.#unchanged(service, decidedOn);
    this.#passMoment();
    kept.taskDefinition = taskDefinition;
    return this.#start(service, kept);
  }

  /** How many revisions of task definitions a family has. */
  revisions(family: string): number {
    return this.#families.get(family)?.length ?? 0;
  }

  /** The service, if it was not deployed after the decision; ECS itself has no such condition. */
  #unchanged(service: ServiceRef, { taskDefinition, deployments }: DecidedOn): Kept {
    const kept = this.#own(service);
    const decided = deployments.find(({ isPrimary }) => isPrimary);
    if (kept.taskDefinition === taskDefinition && primaryOf(kept).deploymentId === decided?.deploymentId) return kept;
    throw new ServiceChangedError(service, `deployment ${primaryOf(kept).deploymentId} is the primary one`);
  }

  #passMoment(): void {
    const happens = this.meanwhile;
    this.meanwhile = () => {};
    happens();
  }

  #start(service: ServiceRef, kept: Kept): string {
    const { deploymentId } = this.#begin(kept);
    this.started.push({ service, deploymentId });
    const { taskDefinition } = kept;
    this.onStart({ service, deploymentId, taskDefinition, containers: this.#containers(taskDefinition) });
    return deploymentId;
  }

  #begin(kept: Kept): Changing<ServiceDeployment> {
    for (const one of kept.deployments) {
      // Of a rolling update that is replaced ECS goes on to tell that it is in progress.
      if (kept.bakeMs !== undefined && one.state === 'in-progress') one.state = 'stopped';
      one.isPrimary = false;
    }
    const bakes = kept.bakeMs !== undefined && { progress: { stage: 'BAKE_TIME' } };
    const deployment = { ...this.#deployment(kept.taskDefinition), ...bakes };
    kept.deployments.unshift(deployment);
    return deployment;
  }

  #deployment(taskDefinition: string): Changing<ServiceDeployment> {
    const deploymentId = `ecs-svc/${String(++this.#deployments).padStart(19, '0')}`;
    return { deploymentId, isPrimary: true, state: 'in-progress', createdAtEpochMs: this.#clock(), taskDefinition };
  }

  #revision(family: string, containers: Containers): string {
    const revisions = this.#families.get(family) ?? [];
    revisions.push(copied(containers));
    this.#families.set(family, revisions);
    return `${family}:${revisions.length}`;
  }

  #containers(taskDefinition: string): Containers {
    const [family = '', revision] = taskDefinition.split(':');
    return this.#families.get(family)?.[Number(revision) - 1] ?? [];
  }

  #own(service: ServiceRef): Kept {
    const kept = this.#open(service);
    if (kept.controller === 'ECS') return kept;
    throw new DeploymentRefusedError(service, `its deployment controller is ${kept.controller}`);
  }

  #open(service: ServiceRef): Kept {
    if (this.#denied.has(`${service.account}/${service.region}`)) {
      throw new DeployerUnreachableError(service, new Error('AccessDenied: the role cannot be taken'));
    }
    const kept = this.#services.get(keyOf(service));
    if (!kept) throw new ServiceGoneError(service, 'MISSING');
    return kept;
  }

  #get(service: ServiceRef): Kept {
    const kept = this.#services.get(keyOf(service));
    if (!kept) throw new Error(`the test created no service ${keyOf(service)}`);
    return kept;
  }

  #find(service: ServiceRef, deploymentId: string): Changing<ServiceDeployment> {
    const found = this.#get(service).deployments.find((one) => one.deploymentId === deploymentId);
    if (!found) throw new Error(`service ${keyOf(service)} has no deployment ${deploymentId}`);
    return found;
  }
}

const familyOf = (taskDefinition: string): string => taskDefinition.split(':')[0] ?? '';

const keyOf = ({ account, region, cluster, service }: ServiceRef): string =>
  `${account}/${region}/${cluster}/${service}`;

const isSame = (one: Containers, other: Containers): boolean => JSON.stringify(one) === JSON.stringify(other);

function primaryOf({ deployments }: Kept): ServiceDeployment {
  const primary = deployments.find(({ isPrimary }) => isPrimary);
  if (!primary) throw new Error('a service always has a primary deployment');
  return primary;
}
