import type { ECSClient } from '@aws-sdk/client-ecs';
import {
  GetScheduleCommand,
  paginateListSchedules,
  type SchedulerClient,
  type ScheduleSummary,
  type Target,
} from '@aws-sdk/client-scheduler';
import { mapConcurrently } from '../concurrency.ts';
import type { Cluster } from '../domain/image/usage.ts';
import type { Scope } from '../domain/review/run.ts';
import { ScopeUnreachableError, TooManySchedulesError } from '../ports/errors.ts';
import type { StarterSource, StartInCluster } from '../ports/starts.ts';
import type { RegionalClients } from './clients.ts';
import { clustersByArn, type NamedStart, startsOf } from './ecs-starts.ts';
import { isNamed, orUnreachable, pagesOrUnreachable } from './refusal.ts';

/** https://docs.aws.amazon.com/scheduler/latest/APIReference/API_ListSchedules.html */
const SCHEDULES_A_PAGE = 100;
/** A thousand pages take about a minute, and no page can leave out schedules with other targets. */
const MOST_SCHEDULES = 100_000;
/** Of those that run tasks, each of which is a call: as many take less than a minute. */
const MOST_THAT_RUN_TASKS = 10_000;
const READS_AT_ONCE = 16;

export interface ScheduleClients {
  readonly scheduler: RegionalClients<SchedulerClient>;
  readonly ecs: RegionalClients<ECSClient>;
}

/**
 * The schedules of Amazon EventBridge Scheduler, in all groups, that run tasks of Amazon ECS. The list says the target of each: the
 * ARN of a cluster, or the API call `RunTask` as a universal target. Only these are read. A disabled schedule counts, as a disabled
 * rule does.
 */
export class EcsSchedules implements StarterSource {
  readonly list = 'ecs-schedules';
  readonly #clients: ScheduleClients;

  constructor(clients: ScheduleClients) {
    this.#clients = clients;
  }

  async starts(scope: Scope, clusters: readonly Cluster[]): Promise<readonly StartInCluster[]> {
    const byArn = clustersByArn(clusters);
    const listed: ScheduleSummary[] = [];
    for await (const schedule of this.#listed(scope)) {
      const { Arn = '' } = schedule.Target ?? {};
      if (byArn.has(Arn) || RUNS_TASKS.test(Arn)) listed.push(schedule);
      if (listed.length > MOST_THAT_RUN_TASKS)
        throw new TooManySchedulesError(scope, MOST_THAT_RUN_TASKS, 'schedules that run tasks');
    }
    const named = await mapConcurrently(listed, READS_AT_ONCE, async ({ Name = '', GroupName = 'default' }) => {
      const { cluster: asked, taskDefinition } = startOf((await this.#target(scope, Name, GroupName)) ?? {});
      const cluster = byArn.get(asked) ?? clusters.find((one) => one.cluster === asked);
      if (!cluster || taskDefinition === undefined) return [];
      return [{ cluster, workload: `${GroupName}/${Name}`, taskDefinition } satisfies NamedStart];
    });
    return startsOf(this.#clients.ecs, 'ecs-schedule', named.flat());
  }

  async *#listed(scope: Scope): AsyncIterable<ScheduleSummary> {
    const config = { client: this.#clients.scheduler(scope), pageSize: SCHEDULES_A_PAGE };
    const pages = pagesOrUnreachable(paginateListSchedules(config, {}), unreachable(scope));
    let listed = 0;
    for await (const { Schedules = [] } of pages) {
      listed += Schedules.length;
      if (listed > MOST_SCHEDULES) throw new TooManySchedulesError(scope, MOST_SCHEDULES);
      yield* Schedules;
    }
  }

  /** None of a schedule that was deleted since it was listed. */
  async #target(scope: Scope, Name: string, GroupName: string): Promise<Target | undefined> {
    const client = this.#clients.scheduler(scope);
    const asked = new GetScheduleCommand({ Name, GroupName });
    try {
      const schedule = await orUnreachable(() => client.send(asked), unreachable(scope));
      return schedule.Target;
    } catch (error) {
      if (isNamed(error, 'ResourceNotFoundException')) return undefined;
      throw error;
    }
  }
}

/** https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html */
const RUNS_TASKS = /^arn:[\w-]+:scheduler:::aws-sdk:ecs:(runTask|startTask)$/;

interface Start {
  /** The ARN or the name of a cluster. */
  readonly cluster: string;
  readonly taskDefinition: string | undefined;
}

function startOf({ Arn = '', EcsParameters, Input = '{}' }: Partial<Target>): Start {
  if (!RUNS_TASKS.test(Arn)) return { cluster: Arn, taskDefinition: EcsParameters?.TaskDefinitionArn };
  const request = requestIn(Input);
  return { cluster: request.cluster ?? 'default', taskDefinition: request.taskdefinition };
}

/** The texts of the request of a universal target, by their names in lower case. What is no JSON makes no request. */
function requestIn(input: string): Readonly<Partial<Record<string, string>>> {
  let request: unknown;
  try {
    request = JSON.parse(input);
  } catch {
    return {};
  }
  if (typeof request !== 'object' || request === null) return {};
  return Object.fromEntries(
    Object.entries(request).flatMap(([name, value]) =>
      typeof value === 'string' ? [[name.toLowerCase(), value] as const] : [],
    ),
  );
}

const unreachable =
  ({ account, region }: Scope) =>
  (cause: Error): Error =>
    new ScopeUnreachableError({ account, region }, cause);
