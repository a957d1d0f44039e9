import {
  ClusterNotFoundException,
  type Container,
  DescribeTasksCommand,
  type DesiredStatus,
  type ECSClient,
  paginateListClusters,
  paginateListTasks,
  type Task,
} from '@aws-sdk/client-ecs';
import { onceForEach, piecesOf } from '../concurrency.ts';
import { isDigest } from '../domain/image/image.ts';
import { unreadStarts } from '../domain/image/possible-starts.ts';
import type { Cluster, Pull, RunningContainer, RunningTask } from '../domain/image/usage.ts';
import type { WorkloadKind } from '../domain/image/workload-kind.ts';
import type { Scope } from '../domain/review/run.ts';
import { ScopeUnreachableError, ServicesUnreadableError, TasksUnreadableError } from '../ports/errors.ts';
import type { TasksRead, WorkloadSource } from '../ports/workloads.ts';
import type { RegionalClients } from './clients.ts';
import {
  architectureNamed,
  definitionsOf,
  EcsServices,
  isAtZero,
  SERVICES_A_CALL,
  taskOfDefinition,
} from './ecs-services.ts';
import { orUnreachable, pagesOrUnreachable } from './refusal.ts';

/** The most that ListTasks lists in a page and DescribeTasks describes in a call. */
const TASKS_A_CALL = 100;

/** The last states of a task, in which its containers no longer run. */
const OVER = new Set(['DEPROVISIONING', 'STOPPED', 'DELETED']);

/** The workloads of Amazon ECS, read with the role of their account. */
export class EcsWorkloads implements WorkloadSource {
  readonly #clients: RegionalClients<ECSClient>;

  constructor(clients: RegionalClients<ECSClient>) {
    this.#clients = clients;
  }

  async *clusters(scope: Scope): AsyncIterable<Cluster> {
    const pages = paginateListClusters({ client: this.#clients(scope), pageSize: 100 }, {});
    for await (const { clusterArns = [] } of pagesOrUnreachable(pages, unreachable(scope))) {
      for (const arn of clusterArns) {
        yield { account: scope.account, region: scope.region, cluster: afterLast(arn, '/') };
      }
    }
  }

  /**
   * `desiredStatus` RUNNING lists running and starting tasks. A stopping task is listed under STOPPED at once, although
   * its containers run until the load balancer and the stop timeout are done
   * (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html). Short pages are
   * filled up before they are described. The services without a task come last.
   */
  async *tasks(cluster: Cluster, read: TasksRead = ONLY_RUNNING): AsyncIterable<readonly RunningTask[]> {
    const running = new Set<string>();
    for await (const piece of filledUp(this.#listed(cluster, read), TASKS_A_CALL)) {
      const tasks = await this.#describe(cluster, piece);
      for (const { workloadKind, workload } of tasks) if (workloadKind === 'ecs-service') running.add(workload);
      yield tasks;
    }
    yield* this.#possible(cluster, running, read);
  }

  /** A refusal stops nothing: what runs is known. Only services without a task are described, because tasks say more. */
  async *#possible(
    cluster: Cluster,
    running: ReadonlySet<string>,
    { noticeUnread }: TasksRead,
  ): AsyncIterable<readonly RunningTask[]> {
    const services = new EcsServices(this.#clients);
    const definition = onceForEach((arn: string) => services.definition(cluster, arn));
    try {
      for await (const piece of filledUp(withoutTask(services.listed(cluster), running), SERVICES_A_CALL)) {
        const starts: RunningTask[] = [];
        for (const service of await services.described(cluster, piece))
          for (const arn of definitionsOf(service))
            starts.push({
              ...taskOfDefinition('ecs-service', service.serviceName ?? '', await definition(arn)),
              ...(isAtZero(service) && { isAtZero: true }),
            });
        yield* piecesOf(starts, TASKS_A_CALL);
      }
    } catch (error) {
      if (!(error instanceof ScopeUnreachableError || error instanceof ServicesUnreadableError)) throw error;
      const reason = error instanceof ScopeUnreachableError ? 'refused' : 'failed';
      noticeUnread?.(unreadStarts('ecs-services', cluster.account, error, reason));
    }
  }

  /** STOPPED last: a task stopped between the two lists is in the second one, or in both. */
  async *#listed(cluster: Cluster, { includesStopping }: TasksRead): AsyncIterable<readonly string[]> {
    if (!includesStopping) return yield* this.#taskArns(cluster, 'RUNNING');
    const seen = new Set<string>();
    for (const status of ['RUNNING', 'STOPPED'] as const) {
      for await (const arns of this.#taskArns(cluster, status)) {
        const fresh = arns.filter((arn) => !seen.has(arn));
        for (const arn of fresh) seen.add(arn);
        yield fresh;
      }
    }
  }

  async *#taskArns(cluster: Cluster, desiredStatus: DesiredStatus): AsyncIterable<readonly string[]> {
    const config = { client: this.#clients(cluster), pageSize: TASKS_A_CALL };
    const pages = paginateListTasks(config, { cluster: cluster.cluster, desiredStatus });
    try {
      for await (const { taskArns } of pagesOrUnreachable(pages, unreachable(cluster))) yield taskArns ?? [];
    } catch (error) {
      // Deleted since it was listed, so nothing runs in it.
      if (!(error instanceof ClusterNotFoundException)) throw error;
    }
  }

  async #describe(cluster: Cluster, arns: readonly string[]): Promise<readonly RunningTask[]> {
    const command = new DescribeTasksCommand({ cluster: cluster.cluster, tasks: [...arns] });
    const { tasks = [], failures = [] } = await orUnreachable(
      () => this.#clients(cluster).send(command),
      unreachable(cluster),
    );
    const unread = failures.filter(({ reason }) => reason !== 'MISSING');
    if (unread.length > 0) {
      const named = unread.map(({ arn, reason, detail }) => [arn, reason, detail].filter(Boolean).join(' '));
      throw new TasksUnreadableError(`${cluster.account}/${cluster.region}/${cluster.cluster}`, named);
    }
    return tasks.filter(({ lastStatus }) => !OVER.has(lastStatus ?? '')).map(runningTask);
  }
}

async function* filledUp(pages: AsyncIterable<readonly string[]>, size: number): AsyncIterable<string[]> {
  let waiting: string[] = [];
  for await (const page of pages) {
    waiting.push(...page);
    while (waiting.length >= size) {
      yield waiting.slice(0, size);
      waiting = waiting.slice(size);
    }
  }
  if (waiting.length > 0) yield waiting;
}

async function* withoutTask(
  pages: AsyncIterable<readonly string[]>,
  running: ReadonlySet<string>,
): AsyncIterable<readonly string[]> {
  for await (const arns of pages) yield arns.filter((arn) => !running.has(afterLast(arn, '/')));
}

const ONLY_RUNNING: TasksRead = { includesStopping: false };

const unreachable =
  ({ account, region }: Scope) =>
  (cause: Error): Error =>
    new ScopeUnreachableError({ account, region }, cause);

function runningTask(task: Task): RunningTask {
  const architecture = architectureOf(task);
  return {
    ...workloadOf(task),
    ...(architecture !== undefined && { architecture }),
    ...pullOf(task),
    containers: (task.containers ?? []).map(runningContainer),
  };
}

/** The first states of a task, before its containers run. */
const STARTING = new Set(['PROVISIONING', 'PENDING', 'ACTIVATING']);

/**
 * ECS reports when a task began and finished pulling; for some platforms only when it was created and started
 * (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html).
 */
function pullOf(task: Task): { readonly pull?: Pull; readonly isStarting?: true } {
  const { pullStartedAt, pullStoppedAt, createdAt, startedAt, lastStatus = '' } = task;
  const [began, ended] = [pullStartedAt ?? createdAt, pullStoppedAt ?? startedAt];
  if (!ended) return STARTING.has(lastStatus) ? { isStarting: true } : {};
  return { pull: { ...(began && { beganAtEpochMs: began.getTime() }), endedAtEpochMs: ended.getTime() } };
}

export function runningContainer({ name, image, imageDigest }: Container): RunningContainer {
  return {
    name: name ?? '',
    ...(image !== undefined && { image }),
    ...(isDigest(imageDigest) && { digest: imageDigest }),
  };
}

const KINDS: Readonly<Record<string, WorkloadKind>> = {
  service: 'ecs-service',
  daemon: 'ecs-daemon',
  family: 'ecs-task',
};

/**
 * `group` is `service:<name>` for the tasks of a service of either scheduling strategy, `daemon:<name>` for those of an
 * ECS Managed Daemon, and `family:<family>` for standalone tasks. A person who runs a task may set another text: then
 * the family of its definition names the workload.
 * https://docs.aws.amazon.com/AmazonECS/latest/developerguide/managed-daemons.html
 */
function workloadOf({ group = '', taskDefinitionArn = '' }: Task): Pick<RunningTask, 'workloadKind' | 'workload'> {
  const [prefix = '', ...name] = group.split(':');
  const workloadKind = KINDS[prefix];
  if (workloadKind && name.length > 0) return { workloadKind, workload: name.join(':') };
  const [family = ''] = afterLast(taskDefinitionArn, '/').split(':');
  return { workloadKind: 'ecs-task', workload: family };
}

/** ECS says `x86_64` where image platforms say `amd64`. */
function architectureOf({ attributes = [] }: Task): string | undefined {
  const value = attributes.find(({ name }) => name === 'ecs.cpu-architecture')?.value;
  return value === undefined ? undefined : architectureNamed(value);
}

const afterLast = (text: string, separator: string): string => text.slice(text.lastIndexOf(separator) + 1);
