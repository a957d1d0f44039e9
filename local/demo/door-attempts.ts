import { setTimeout as sleep } from 'node:timers/promises';
import { CloudWatchLogsClient, paginateFilterLogEvents } from '@aws-sdk/client-cloudwatch-logs';
import {
  CreateServiceCommand,
  type DeploymentLifecycleHook,
  ECSClient,
  ListServiceDeploymentsCommand,
  RegisterTaskDefinitionCommand,
  type ServiceDeploymentBrief,
  ServiceNotFoundException,
  UpdateServiceCommand,
} from '@aws-sdk/client-ecs';
import { DOOR_RULES } from '../../shared/domain/admission/door-rules.ts';
import { type DoorPlace, doorPlaceText } from '../../shared/domain/policy/doors.ts';
import { hostOf } from '../builds/registry.ts';
import { type DeployedDoors, deployDoors } from '../doors.ts';
import type { FleetDoorAttempt } from '../fleet/schema.ts';
import { FARGATE_TASK, NETWORK } from '../fleet/seed-workloads.ts';
import type { Installation } from '../installation.ts';
import { type AdminApi, KubernetesRefusal } from '../kubernetes/admin-api.ts';
import { administratorOf } from '../kubernetes/eks.ts';
import { RESOURCES } from '../kubernetes/objects.ts';
import type { DemoResult } from './result.ts';

export type DoorRow = DemoResult['doors'][number];
type Which = DoorRow['which'];
type Answer = Pick<DoorRow, 'started' | 'message' | 'deployment'>;

const POLL_MS = 100;
const LIMIT_MS = 60_000;
/** A door that could not read what it decides by is asked again, as its message says. */
const MOST_TRIES = 6;
const AGAIN_MS = 1_000;

/** A workload did not end as it has to; the message says which one, and what it waits for. */
export class DoorAttemptError extends Error {
  override readonly name = 'DoorAttemptError';
}

/** Somebody who starts images at the doors, as a person does: a pod in EKS, a service with the hook in ECS. */
export class DoorAttempts {
  readonly #installation: Installation;
  readonly #doors: Promise<DeployedDoors>;
  readonly #rows: DoorRow[] = [];
  readonly #rebuilt = new Set<string>();

  /** Begins to deploy the doors; each attempt waits for them. */
  constructor(installation: Installation) {
    this.#installation = installation;
    this.#doors = deployDoors(installation, installation.fleet.doorAttempts.map(placeOf));
    // Told by the attempt that waits for it.
    this.#doors.catch(() => {});
  }

  /** Every attempt so far, in the order of the fleet file, those with the old image first. */
  get rows(): readonly DoorRow[] {
    return this.#rows;
  }

  /** Tries to start the images that are not compliant. */
  async old(images: DemoResult['images']): Promise<readonly DoorRow[]> {
    const outcomes = new Map(images.map(({ digest, outcome }) => [digest, outcome]));
    return await this.#try('old', (attempt) => {
      const { digest, children } = this.#seeded(attempt);
      const all = [digest, ...children.values()].flatMap((one) => outcomes.get(one) ?? []);
      return all.length > 0 && all.every((outcome) => outcome === 'compliant') ? undefined : digest;
    });
  }

  /**
   * Tries to start what was built in the place of these images, once for each.
   * @param outputs the digest that a rebuild pushed and that is fixed, by `<account>/<Region>/<repository>`
   */
  async rebuilt(outputs: ReadonlyMap<string, string>): Promise<readonly DoorRow[]> {
    return await this.#try('rebuilt', (attempt) => {
      const key = JSON.stringify(attempt);
      const output = this.#rebuilt.has(key) ? undefined : outputs.get(homeKey(this.#home(attempt)));
      const wasOld = this.#rows.some(({ place }) => place === doorPlaceText(placeOf(attempt)));
      if (output === undefined || !wasOld) return undefined;
      this.#rebuilt.add(key);
      return output;
    });
  }

  async #try(which: Which, digestFor: (attempt: FleetDoorAttempt) => string | undefined): Promise<readonly DoorRow[]> {
    const wanted = this.#installation.fleet.doorAttempts.flatMap((attempt) => {
      const digest = digestFor(attempt);
      return digest === undefined ? [] : [{ attempt, digest }];
    });
    const rows = await Promise.all(wanted.map(({ attempt, digest }) => this.#attempt(which, attempt, digest)));
    this.#rows.push(...rows);
    return rows;
  }

  async #attempt(which: Which, attempt: FleetDoorAttempt, digest: string): Promise<DoorRow> {
    const doors = await this.#doors;
    const home = this.#home(attempt);
    const image = `${hostOf(home)}/${home.repository}@${digest}`;
    const name = home.repository.split('/').at(-1) ?? home.repository;
    const place = placeOf(attempt);
    const workload = place.namespace === undefined ? name : `${name}-${which}`;
    const start = () =>
      place.namespace === undefined
        ? startService(this.#installation.cloud, doors, { ...place, name: workload, image })
        : this.#startPod({ ...place, namespace: place.namespace, name: workload, image });
    let answer = await start();
    for (let tries = 1; isUndecided(answer) && tries < MOST_TRIES; tries += 1) {
      await sleep(AGAIN_MS);
      answer = await start();
    }
    return {
      door: place.namespace === undefined ? 'ecs' : 'eks',
      ...{ place: doorPlaceText(place), which, repository: home.repository, image: digest, workload },
      ...answer,
    };
  }

  async #startPod(pod: PodToStart): Promise<Answer> {
    const api = await administratorOf(this.#installation.cloud, pod, 'developer');
    try {
      return await startPod(api, pod);
    } finally {
      api.close();
    }
  }

  #seeded({ image }: FleetDoorAttempt) {
    const seeded = this.#installation.seeded.images.get(image);
    if (!seeded) throw new DoorAttemptError(`No image is named ${image}. Name one of the fleet file.`);
    return seeded;
  }

  #home({ image }: FleetDoorAttempt) {
    const home = this.#installation.fleet.images.find(({ name }) => name === image);
    if (!home) throw new DoorAttemptError(`No image is named ${image}. Name one of the fleet file.`);
    return home;
  }
}

const placeOf = ({ account, region, cluster, namespace }: FleetDoorAttempt): DoorPlace => ({
  ...{ account, region, cluster },
  ...(namespace !== undefined && { namespace }),
});

export const homeKey = ({
  account,
  region,
  repository,
}: {
  readonly account: string;
  readonly region: string;
  readonly repository: string;
}): string => `${account}/${region}/${repository}`;

const isUndecided = ({ started, message = '' }: Answer): boolean =>
  !started && (message.includes(`(${DOOR_RULES.decided})`) || message.includes('failed calling webhook'));

async function until<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
  for (const end = Date.now() + LIMIT_MS; ; await sleep(POLL_MS)) {
    const found = await ask();
    if (found !== undefined) return found;
    if (Date.now() > end) throw new DoorAttemptError(`After ${LIMIT_MS / 1000} s there is still no ${what}.`);
  }
}

interface PodToStart extends DoorPlace {
  readonly namespace: string;
  readonly name: string;
  readonly image: string;
}

async function startPod(api: AdminApi, { namespace, name, image }: PodToStart): Promise<Answer> {
  await api.ensureNamespace(namespace);
  try {
    await api.create(RESOURCES.pods, {
      ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace } },
      spec: { containers: [{ name: 'app', image }] },
    });
  } catch (error) {
    if (!(error instanceof KubernetesRefusal)) throw error;
    return { started: false, message: error.answer };
  }
  await until(`running pod ${namespace}/${name}`, async () => {
    const pod = await api.get(RESOURCES.pods, namespace, name);
    return pod?.status?.phase === 'Running' ? pod : undefined;
  });
  return { started: true };
}

interface ServiceToStart extends DoorPlace {
  readonly name: string;
  readonly image: string;
}

const ENDED = /^(SUCCESSFUL|STOPPED|ROLLBACK_(SUCCESSFUL|FAILED))$/;

async function startService(
  cloud: Pick<Installation['cloud'], 'clients'>,
  doors: DeployedDoors,
  { account, region, cluster, name, image }: ServiceToStart,
): Promise<Answer> {
  const ecs = new ECSClient(cloud.clients(account, region));
  const { logGroup, ...target } = doors.hookIn({ account, region });
  const { taskDefinition } = await ecs.send(
    new RegisterTaskDefinitionCommand({
      ...{ family: `${cluster}-${name}`, ...FARGATE_TASK },
      containerDefinitions: [{ name: 'app', image, essential: true }],
    }),
  );
  const arn = taskDefinition?.taskDefinitionArn;
  const before = new Set(
    (await deploymentsOf(ecs, cluster, name)).map(({ serviceDeploymentArn }) => serviceDeploymentArn),
  );
  const hook: DeploymentLifecycleHook = { ...target, lifecycleStages: ['PRE_SCALE_UP'] };
  if (before.size > 0) await ecs.send(new UpdateServiceCommand({ cluster, service: name, taskDefinition: arn }));
  else
    await ecs.send(
      new CreateServiceCommand({
        ...{ cluster, serviceName: name, taskDefinition: arn, desiredCount: 1, launchType: 'FARGATE' },
        networkConfiguration: NETWORK,
        deploymentConfiguration: { strategy: 'BLUE_GREEN', lifecycleHooks: [hook] },
      }),
    );
  const { serviceDeploymentArn = '', status = '' } = await until(
    `end of the deployment of ${cluster}/${name}`,
    async () =>
      (await deploymentsOf(ecs, cluster, name)).find(
        (one) => !before.has(one.serviceDeploymentArn) && ENDED.test(one.status ?? ''),
      ),
  );
  const deployment = { arn: serviceDeploymentArn, status };
  if (status === 'SUCCESSFUL') return { started: true, deployment };
  const logs = new CloudWatchLogsClient(cloud.clients(account, region));
  const message = await until(`answer of the gate in ${logGroup}`, () =>
    answerIn(logs, logGroup, serviceDeploymentArn),
  );
  return { started: false, deployment, message };
}

/** None for a service that does not exist yet. */
async function deploymentsOf(
  ecs: ECSClient,
  cluster: string,
  service: string,
): Promise<readonly ServiceDeploymentBrief[]> {
  const found: ServiceDeploymentBrief[] = [];
  try {
    for (let nextToken: string | undefined; ; ) {
      const page = await ecs.send(new ListServiceDeploymentsCommand({ cluster, service, nextToken }));
      found.push(...(page.serviceDeployments ?? []));
      nextToken = page.nextToken;
      if (nextToken === undefined) return found;
    }
  } catch (error) {
    if (error instanceof ServiceNotFoundException) return [];
    throw error;
  }
}

/** What the gate said of a deployment: the last line with its answer. */
async function answerIn(
  client: CloudWatchLogsClient,
  logGroupName: string,
  deployment: string,
): Promise<string | undefined> {
  let answer: string | undefined;
  for await (const { events = [] } of paginateFilterLogEvents({ client }, { logGroupName })) {
    for (const { message = '' } of events) {
      if (!message.includes(deployment) || !message.includes('"hookStatus"')) continue;
      const line: unknown = JSON.parse(message);
      if (typeof line === 'object' && line !== null && 'message' in line) answer = String(line.message);
    }
  }
  return answer;
}
