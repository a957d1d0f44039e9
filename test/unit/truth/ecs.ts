import { Deployers } from '../../../shared/adapters/deployers.ts';
import type { Digest } from '../../../shared/domain/image/image.ts';
import { readImageReference } from '../../../shared/domain/image/reference.ts';
import type { Pull } from '../../../shared/domain/image/usage.ts';
import { type KubernetesWorkload, templateId } from '../../../shared/domain/rollout/kubernetes-workload.ts';
import type { Deployer, ServiceRef } from '../../../shared/ports/rollouts.ts';
import type { StartedDeployment } from '../../support/fakes/deployer.ts';
import type { FakeWorld } from '../../support/fakes/world.ts';
import type { Clockwork } from './clockwork.ts';
import type { Dice } from './dice.ts';
import type { Features } from './features.ts';
import type { Architecture, Line } from './fleet.ts';
import { platformOf, type TrueArtifact, type TrueImage } from './images.ts';

const MINUTE_MS = 60_000;

/** A container that really runs. */
export interface TrueContainer {
  readonly service: string;
  readonly container: string;
  /** As its task asked for it. */
  readonly reference: string;
  readonly image: TrueImage;
  readonly sinceEpochMs: number;
  /** The index from which its pod runs its image, where a container runtime reports that. */
  readonly index?: Digest;
  /** What ECS tells of it: which image it runs, or only when it pulled that, or neither. */
  readonly shown: 'digest' | 'pull' | 'nothing';
}

/** One deployment of a service: who asked for it, when, and of what. */
export interface TrueDeployment {
  readonly service: string;
  readonly deploymentId: string;
  readonly by: 'team' | 'Patchwave';
  readonly atEpochMs: number;
  readonly taskDefinition: string;
  /** As its definition names the image of its container. */
  readonly reference: string;
  /** What that meant at the instant; absent where it meant nothing. */
  readonly artifact?: TrueArtifact;
  /** All of its containers; `reference` and `artifact` are those of the first. */
  readonly containers: readonly DeployedContainer[];
  state: 'running' | 'completed' | 'failed' | 'superseded';
  /** When it was completed, or failed. */
  endedAtEpochMs?: number;
}

export interface DeployedContainer {
  readonly container: string;
  readonly reference: string;
  /** What that meant at the instant; absent where it meant nothing. */
  readonly artifact?: TrueArtifact;
}

interface Task {
  readonly architecture: Architecture;
  readonly sinceEpochMs: number;
  readonly containers: readonly TrueContainer[];
  /** When it asked for its images. */
  readonly pulledAtEpochMs: number;
}

interface Service {
  /** Of pods as `serviceNameOf` names their Deployment. */
  readonly name: string;
  /** Where it runs as pods. */
  readonly pods?: { readonly workload: string; readonly reportsIndex: boolean };
  readonly ref: ServiceRef;
  readonly architectures: readonly Architecture[];
  readonly bakeMinutes?: number;
  tasks: readonly Task[];
  isAtZero: boolean;
  /** Counts deployments: a later one takes the place of one that goes on. */
  generation: number;
}

export interface EcsWorld {
  readonly world: FakeWorld;
  readonly clockwork: Clockwork;
  readonly dice: Dice;
  readonly failDice: Dice;
  readonly features: Features;
  readonly artifact: (digest: Digest) => TrueArtifact | undefined;
  /** What ECS will tell of the next container of a service that asks for its image by a tag. */
  readonly shownOf: (service: string) => TrueContainer['shown'];
  readonly trace: (text: string) => void;
  /** Sees each deployment of Patchwave at the instant that ECS takes it. */
  readonly deployed: (deployment: TrueDeployment) => void;
}

/** How a service runs as the pods of a Deployment. */
export interface TruePods {
  /** The container runtimes of its nodes report the index of an image. */
  readonly reportsIndex: boolean;
}

/** Services and the tasks or pods that they really run; what the fakes of ECS and Kubernetes tell follows from that. */
export class Ecs {
  readonly #with: EcsWorld;
  readonly #services = new Map<string, Service>();
  /** Of all services, in order. */
  readonly deployments: TrueDeployment[] = [];
  /** From then on new tasks come up and stay. */
  areDeploymentsCalm = true;
  readonly #failDice: Dice;
  /** Deployments of Patchwave that are not followed yet. */
  readonly #started: { readonly service: Service; readonly deploymentId: string }[] = [];
  /** Both platforms. */
  readonly deployer: Deployer;

  constructor(world: EcsWorld) {
    this.#with = world;
    this.#failDice = world.failDice;
    const { deployer, eksDeployer } = world.world;
    this.deployer = new Deployers(deployer, eksDeployer);
    const started = ({ service: { service: name }, ...of }: StartedDeployment): void => {
      const service = this.#get(name);
      this.#replaced(service, of.deploymentId);
      this.#started.push({ service, deploymentId: of.deploymentId });
      if (service.pods) world.features.note('pods');
      world.deployed(this.#note(name, 'Patchwave', of));
    };
    Object.assign(deployer, { onStart: started });
    Object.assign(eksDeployer, { onStart: started });
  }

  get services(): readonly string[] {
    return [...this.#services.keys()];
  }

  /** Whether Patchwave deploys to its platform. */
  isDeployable = (service: string): boolean => !this.#get(service).pods || this.#with.world.targets.eks;

  refOf = (service: string): ServiceRef => this.#get(service).ref;

  /** Every container that runs now. */
  running(): readonly TrueContainer[] {
    return [...this.#services.values()].flatMap(({ tasks }) => tasks.flatMap(({ containers }) => containers));
  }

  runningIn = (service: string): readonly TrueContainer[] =>
    this.#get(service).tasks.flatMap((task) => task.containers);

  /** A service that runs since an instant; a deployment by hand names another image of its first container. */
  async create(
    line: Line,
    name: string,
    containers: readonly { readonly name: string; readonly image: string }[],
    sinceEpochMs: number,
    pods?: TruePods,
  ): Promise<void> {
    const { world } = this.#with;
    const cluster = { ...line.runsIn, cluster: pods ? 'pods' : 'main' };
    const ref = { ...cluster, service: name };
    (pods ? world.eksWorkloads : world.workloads).addCluster(cluster);
    const bakeMinutes = pods ? undefined : line.bakeMinutes;
    const bakes = bakeMinutes === undefined ? {} : { bakeMs: bakeMinutes * MINUTE_MS };
    if (pods) world.eksDeployer.create(ref, deploymentOf(containers));
    else world.deployer.create(ref, containers, bakes);
    const service: Service = {
      ...{ name, ref, architectures: line.architectures, ...(bakeMinutes !== undefined && { bakeMinutes }) },
      ...{ tasks: [], isAtZero: false, generation: 0 },
      ...(pods && { pods: { ...pods, workload: name.slice(name.indexOf(':') + 1) } }),
    };
    this.#services.set(name, service);
    service.tasks = (await this.#tasksOf(service, sinceEpochMs)) ?? [];
    this.#tell(service);
  }

  /** Whether the last deployment of Patchwave failed there: its owner looks at it. */
  hasFailed = (service: string): boolean =>
    this.deployments.findLast((one) => one.service === service && one.by === 'Patchwave')?.state === 'failed';

  /** As `deployByHand`, without waiting for its end. */
  beginDeployment(name: string, image?: string): void {
    this.#with.clockwork.spawn(() => this.deployByHand(name, image));
  }

  /** Its team deploys it: with these images, or once more with what its definition names. */
  async deployByHand(name: string, image?: string): Promise<void> {
    const service = this.#get(name);
    const deploymentId = this.#deployedByHand(service, image);
    this.#replaced(service, deploymentId);
    const { taskDefinition, containers } = await this.deployer.describe(service.ref);
    this.#note(name, 'team', { deploymentId, taskDefinition, containers });
    this.#with.trace(`${name}: its team deploys ${await this.#definition(service)}`);
    await this.#roll(service, deploymentId);
  }

  #deployedByHand({ ref, pods }: Service, image: string | undefined): string {
    const { deployer, eksDeployer } = this.#with.world;
    if (!pods) return deployer.deployByHand(ref, image === undefined ? {} : { image });
    const restartedAt = new Date(this.#with.world.clock()).toISOString();
    eksDeployer.deployByHand(ref, ({ metadata = {}, spec: { containers = [] } = {} }) => ({
      metadata: {
        ...metadata,
        annotations: { ...metadata.annotations, 'kubectl.kubernetes.io/restartedAt': restartedAt },
      },
      spec: { containers: containers.map((one, n) => (n === 0 && image !== undefined ? { ...one, image } : one)) },
    }));
    return templateId(eksDeployer.workload(ref));
  }

  /** Its team sets it to zero tasks, or back to all. */
  async scale(name: string, isAtZero: boolean): Promise<void> {
    const service = this.#get(name);
    if (service.isAtZero === isAtZero) return;
    service.isAtZero = isAtZero;
    service.tasks = isAtZero ? [] : ((await this.#tasksOf(service, this.#with.clockwork.now)) ?? []);
    this.#with.trace(`${name}: set ${isAtZero ? 'to zero' : `back: ${this.#text(service)}`}`);
    this.#tell(service);
  }

  /** A node leaves, so a pod starts again with the references of the one before, and pulls what their tags mean now. */
  async recreatePod(name: string, nth: number): Promise<void> {
    const service = this.#get(name);
    const old = service.tasks[nth % service.tasks.length];
    if (!old) return;
    const fresh = await this.#podOf(service, old);
    if (!service.tasks.includes(old)) return;
    service.tasks = service.tasks.flatMap((task) => (task === old ? (fresh ?? []) : [task]));
    this.#with.trace(`${name}: a pod starts again: ${fresh ? this.#text(service) : 'its image is gone'}`);
    const isOther = fresh?.containers.some(({ image }, n) => image !== old.containers[n]?.image) ?? true;
    if (isOther) this.#with.features.note('pods');
    this.#tell(service);
  }

  async #podOf(service: Service, { architecture, containers }: Task): Promise<Task | undefined> {
    const { clockwork } = this.#with;
    const fresh = await Promise.all(
      containers.map(({ container, reference }) =>
        this.#containerOf(service, { name: container, image: reference }, architecture, clockwork.now),
      ),
    );
    const known = fresh.flatMap((one) => one ?? []);
    if (known.length < containers.length) return undefined;
    const [sinceEpochMs, pulledAtEpochMs] = [clockwork.now, this.#with.world.clock()];
    return { architecture, sinceEpochMs, containers: known, pulledAtEpochMs };
  }

  isAtZero = (name: string): boolean => this.#get(name).isAtZero;

  /** Goes on with deployments that were asked for since this was called last. */
  followDeployer(): void {
    for (const { service, deploymentId } of this.#started.splice(0)) {
      this.#with.clockwork.spawn(async () => {
        this.#with.trace(`${service.name}: Patchwave deploys ${await this.#definition(service)}`);
        await this.#roll(service, deploymentId);
      });
    }
  }

  #note(
    service: string,
    by: TrueDeployment['by'],
    { containers, ...of }: Omit<StartedDeployment, 'service'>,
  ): TrueDeployment {
    const all = containers.map(({ name: container, image: reference }): DeployedContainer => {
      const artifact = this.meaningNow(reference);
      return { container, reference, ...(artifact && { artifact }) };
    });
    const [{ reference, artifact } = { reference: '', artifact: undefined }] = all;
    const deployment: TrueDeployment = {
      ...{ ...of, service, by, reference, containers: all, atEpochMs: this.#with.clockwork.now, state: 'running' },
      ...(artifact && { artifact }),
    };
    for (const one of this.deployments)
      if (one.service === service && one.state === 'running') one.state = 'superseded';
    this.deployments.push(deployment);
    return deployment;
  }

  #ended(deploymentId: string, state: TrueDeployment['state']): void {
    const deployment = this.deployments.find((one) => one.deploymentId === deploymentId);
    if (deployment) Object.assign(deployment, { state, endedAtEpochMs: this.#with.clockwork.now });
  }

  readonly #generations = new Map<string, number>();

  /** A deployment takes the place of the one before it at the instant that it is asked for. */
  #replaced(service: Service, deploymentId: string): void {
    service.generation += 1;
    this.#generations.set(deploymentId, service.generation);
  }

  /** New tasks come up beside the old ones, which then stop. */
  async #roll(service: Service, deploymentId: string): Promise<void> {
    const { clockwork, dice, world, trace, features } = this.#with;
    const { bakeMinutes } = service;
    const generation = this.#generations.get(deploymentId);
    // ECS resolves a tag once for each deployment.
    const fresh = await this.#tasksOf(service, clockwork.now + MINUTE_MS);
    if (service.generation !== generation) return;
    // A deployment that is no rolling update has no state at first.
    if (bakeMinutes !== undefined) world.deployer.tell(service.ref, deploymentId, 'unknown');
    await clockwork.sleep(MINUTE_MS);
    if (service.generation !== generation) return;
    if (bakeMinutes !== undefined) world.deployer.tell(service.ref, deploymentId, 'in-progress');
    // Its controller sees the change of a Deployment.
    if (service.pods) world.eksDeployer.report(service.ref, { updatedReplicas: 1, conditions: [] });
    if (!fresh) {
      this.#fail(service, deploymentId);
      this.#ended(deploymentId, 'failed');
      trace(`${service.name}: its deployment failed and was rolled back`);
      return;
    }
    const old = service.tasks;
    if (!service.isAtZero) service.tasks = [...old, ...fresh];
    this.#tell(service);
    const minutes = dice.int(1, 15) + (bakeMinutes ?? 0);
    const [fails, share] = [this.#failDice.chance(0.3), this.#failDice.between(0.2, 0.9)];
    const isFailing = fails && features.has('deployments-roll-back') && !this.areDeploymentsCalm;
    await clockwork.sleep(Math.round(isFailing ? minutes * share : minutes) * MINUTE_MS);
    if (bakeMinutes !== undefined && features.has('blue-green')) features.note('blue-green');
    if (isFailing && service.generation === generation) {
      features.note('deployments-roll-back');
      service.tasks = service.tasks.filter((task) => !fresh.includes(task));
      this.#tell(service);
      this.#fail(service, deploymentId);
      if (bakeMinutes !== undefined) world.deployer.tell(service.ref, deploymentId, 'rolled-back');
      this.#ended(deploymentId, 'failed');
      trace(`${service.name}: its deployment is rolled back: ${this.#text(service)}`);
      return;
    }
    if (service.generation !== generation) {
      service.tasks = service.tasks.filter((task) => !fresh.includes(task));
      this.#tell(service);
      return;
    }
    service.tasks = service.isAtZero ? [] : fresh;
    this.#tell(service);
    if (service.pods) world.eksDeployer.settle(service.ref);
    else world.deployer.complete(service.ref, deploymentId);
    this.#ended(deploymentId, 'completed');
    trace(`${service.name}: runs ${this.#text(service)}`);
  }

  /** The circuit breaker of ECS rolls it back. In Kubernetes the new template stays, and the old pods serve. */
  #fail({ ref, pods }: Service, deploymentId: string): void {
    const { deployer, eksDeployer } = this.#with.world;
    if (pods) eksDeployer.report(ref, { updatedReplicas: 1, conditions: [LATE] });
    else deployer.fail(ref, deploymentId, { rollsBack: true });
  }

  /** What its definition means now; nothing where an image is gone. */
  async #tasksOf(service: Service, sinceEpochMs: number): Promise<readonly Task[] | undefined> {
    const { containers } = await this.deployer.describe(service.ref);
    const tasks: Task[] = [];
    for (const architecture of service.architectures) {
      const running: TrueContainer[] = [];
      for (const defined of containers) {
        const one = await this.#containerOf(service, defined, architecture, sinceEpochMs);
        if (!one) return undefined;
        running.push(one);
      }
      tasks.push({ architecture, sinceEpochMs, containers: running, pulledAtEpochMs: this.#with.world.clock() });
    }
    return tasks;
  }

  async #containerOf(
    { name: service, pods }: Service,
    { name: container, image: reference }: { readonly name: string; readonly image: string },
    architecture: Architecture,
    sinceEpochMs: number,
  ): Promise<TrueContainer | undefined> {
    const artifact = this.meaningNow(reference);
    const image = await this.#pulled(reference, architecture);
    if (!image) return undefined;
    const index = pods?.reportsIndex && artifact?.isIndex ? { index: artifact.digest } : {};
    // A reference by digest is known, also if ECS reports no digest. Of a pod the digest is always known.
    const shown = pods || reference.includes('@') ? 'digest' : this.#with.shownOf(service);
    return { service, container, reference, image, sinceEpochMs, shown, ...index };
  }

  /** What a reference means now in its registry; nothing where that has nothing under it. */
  meaningNow(reference: string): TrueArtifact | undefined {
    const named = this.#meaningOf(reference);
    return named && this.#with.artifact(named);
  }

  async #pulled(reference: string, architecture: Architecture): Promise<TrueImage | undefined> {
    const { images = [] } = this.meaningNow(reference) ?? {};
    return images.find(({ platform }) => platform === platformOf(architecture));
  }

  /** The digest that a reference means now in its registry. */
  #meaningOf(reference: string): Digest | undefined {
    const { registry } = this.#with.world;
    const { location, tag, digest } = readImageReference(reference) ?? {};
    if (!location) return undefined;
    const named = digest ?? (tag === undefined ? undefined : registry.tagged(location, tag));
    return named !== undefined && registry.find(location, named) ? named : undefined;
  }

  async #definition({ ref }: Service): Promise<string> {
    const { containers } = await this.deployer.describe(ref);
    return containers.map(({ image }) => image.slice(image.lastIndexOf('/') + 1).slice(0, 30)).join(', ');
  }

  #text = ({ tasks }: Service): string =>
    [...new Set(tasks.flatMap(({ containers }) => containers.map(({ image }) => image.name)))].join(', ') || 'nothing';

  #get(name: string): Service {
    const service = this.#services.get(name);
    if (!service) throw new Error(`there is no service ${name}`);
    return service;
  }

  #tell({ name, pods, ref: { service: _, ...cluster }, tasks }: Service): void {
    const { world } = this.#with;
    const workloads = pods ? world.eksWorkloads : world.workloads;
    const workload = pods?.workload ?? name;
    workloads.stop(cluster, workload);
    for (const task of tasks) {
      const { architecture, containers } = task;
      workloads.run(cluster, {
        ...{ workloadKind: pods ? 'eks-deployment' : 'ecs-service', workload, architecture },
        ...(containers.some(({ shown }) => shown === 'pull') && { pull: pullOf(task) }),
        containers: containers.map(({ container, reference, image, shown, index }) => ({
          ...{ name: container, image: reference, ...(shown === 'digest' && { digest: index ?? image.digest }) },
        })),
      });
    }
  }
}

const deploymentOf = (
  containers: readonly { readonly name: string; readonly image: string }[],
): KubernetesWorkload => ({
  spec: {
    replicas: 2,
    template: { spec: { containers: containers.map((one) => ({ ...one, imagePullPolicy: 'Always' })) } },
  },
});

const LATE = { type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded', message: 'timed out' };

/** It takes some seconds, and is over before the task runs. */
const pullOf = ({ pulledAtEpochMs, sinceEpochMs }: Task): Pull => ({
  beganAtEpochMs: pulledAtEpochMs,
  endedAtEpochMs: Math.min(pulledAtEpochMs + 20_000, Math.max(sinceEpochMs, pulledAtEpochMs)),
});
