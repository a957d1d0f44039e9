import type { ECSClient } from '@aws-sdk/client-ecs';
import {
  GetScheduleCommand,
  type GetScheduleCommandOutput,
  paginateListSchedules,
  type SchedulerClient,
  type ScheduleSummary,
  type Target,
} from '@aws-sdk/client-scheduler';
import { mapConcurrently } from '../concurrency.ts';
import { MINUTE_MS } from '../domain/common/time.ts';
import type { Cluster } from '../domain/image/usage.ts';
import type { Scope } from '../domain/review/run.ts';
import type { Clock } from '../ports/clock.ts';
import { ScopeUnreachableError, TooManySchedulesError } from '../ports/errors.ts';
import type { KnownSchedule, ScheduleLedger, StarterSource, StartInCluster } from '../ports/starts.ts';
import type { RegionalClients } from './clients.ts';
import { clustersByArn, type NamedStart, startsOf } from './ecs-starts.ts';
import { isNamed, orUnreachable, pagesOrUnreachable } from './refusal.ts';

/** https://docs.aws.amazon.com/scheduler/latest/APIReference/API_ListSchedules.html */
const SCHEDULES_A_PAGE = 100;
/** A thousand pages take about a minute, and no page can leave out schedules with other targets. */
const MOST_SCHEDULES = 100_000;
/** Of those that run tasks, each of which is a call when it is new: as many take less than a minute. */
const MOST_THAT_RUN_TASKS = 10_000;
const READS_AT_ONCE = 16;
/** No two changes of a schedule that are so far apart have the same date. */
const SETTLED_MS = MINUTE_MS;

export interface ScheduleClients {
  readonly scheduler: RegionalClients<SchedulerClient>;
  readonly ecs: RegionalClients<ECSClient>;
}

/**
 * The schedules of Amazon EventBridge Scheduler, in all groups, that run tasks of Amazon ECS. The list says the target of each: the
 * ARN of a cluster, or the API call `RunTask` as a universal target. Only these are read, and of these only the new and the changed
 * ones, by the `LastModificationDate` of the list. A disabled schedule counts, as a disabled rule does.
 */
export class EcsSchedules implements StarterSource {
  readonly list = 'ecs-schedules';
  readonly #clients: ScheduleClients;
  readonly #ledger: ScheduleLedger;
  readonly #clock: Clock;

  constructor(clients: ScheduleClients, ledger: ScheduleLedger, clock: Clock = Date.now) {
    this.#clients = clients;
    this.#ledger = ledger;
    this.#clock = clock;
  }

  async starts(scope: Scope, clusters: readonly Cluster[]): Promise<readonly StartInCluster[]> {
    const byArn = clustersByArn(clusters);
    const beganAtEpochMs = this.#clock();
    const listed: ScheduleSummary[] = [];
    for await (const schedule of this.#listed(scope)) {
      const { Arn = '' } = schedule.Target ?? {};
      if (byArn.has(Arn) || RUNS_TASKS.test(Arn)) listed.push(schedule);
      if (listed.length > MOST_THAT_RUN_TASKS)
        throw new TooManySchedulesError(scope, MOST_THAT_RUN_TASKS, 'schedules that run tasks');
    }
    const schedules = await this.#schedules(scope, listed, beganAtEpochMs);
    const named = schedules.flatMap(({ schedule, cluster: asked, taskDefinition }) => {
      const cluster = byArn.get(asked) ?? clusters.find((one) => one.cluster === asked);
      if (!cluster || taskDefinition === undefined) return [];
      return [{ cluster, workload: schedule, taskDefinition } satisfies NamedStart];
    });
    return startsOf(this.#clients.ecs, 'ecs-schedule', named);
  }

  /** What the listed ones start. The ledger knows those that did not change. */
  async #schedules(scope: Scope, listed: readonly ScheduleSummary[], atEpochMs: number): Promise<readonly Schedule[]> {
    const known = new Map((await this.#ledger.known(scope)).map((one) => [one.schedule, one] as const));
    const read = await mapConcurrently(listed, READS_AT_ONCE, async (summary): Promise<readonly Schedule[]> => {
      const same = known.get(nameOf(summary));
      if (same && same.modifiedAtEpochMs === summary.LastModificationDate?.getTime()) return [same];
      const found = await this.#read(scope, summary);
      // What it said may be older than the list, so its own date counts.
      return found ? [{ schedule: nameOf(summary), ...startOf(found.Target ?? {}), ...modifiedIn(found) }] : [];
    });
    const schedules = read.flat();
    const settled = schedules.filter(isKnown).filter((one) => one.modifiedAtEpochMs <= atEpochMs - SETTLED_MS);
    const isSame = settled.length === known.size && settled.every((one) => known.get(one.schedule) === one);
    if (!isSame) await this.#ledger.record(scope, settled);
    return schedules;
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
  async #read(scope: Scope, { Name = '', GroupName = DEFAULT_GROUP }: ScheduleSummary): Promise<Found | undefined> {
    const client = this.#clients.scheduler(scope);
    const asked = new GetScheduleCommand({ Name, GroupName });
    try {
      return await orUnreachable(() => client.send(asked), unreachable(scope));
    } catch (error) {
      if (isNamed(error, 'ResourceNotFoundException')) return undefined;
      throw error;
    }
  }
}

const DEFAULT_GROUP = 'default';
const nameOf = ({ Name = '', GroupName = DEFAULT_GROUP }: ScheduleSummary): string => `${GroupName}/${Name}`;

type Found = Pick<GetScheduleCommandOutput, 'Target' | 'LastModificationDate'>;

/** Without a date it is read again the next time. */
type Schedule = Omit<KnownSchedule, 'modifiedAtEpochMs'> & Partial<Pick<KnownSchedule, 'modifiedAtEpochMs'>>;

const isKnown = (schedule: Schedule): schedule is KnownSchedule => schedule.modifiedAtEpochMs !== undefined;

const modifiedIn = ({ LastModificationDate: at }: Found): Partial<Pick<KnownSchedule, 'modifiedAtEpochMs'>> =>
  at === undefined ? {} : { modifiedAtEpochMs: at.getTime() };

/** https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html */
const RUNS_TASKS = /^arn:[\w-]+:scheduler:::aws-sdk:ecs:(runTask|startTask)$/;

function startOf({
  Arn = '',
  EcsParameters,
  Input = '{}',
}: Partial<Target>): Pick<Schedule, 'cluster' | 'taskDefinition'> {
  const request = RUNS_TASKS.test(Arn) ? requestIn(Input) : undefined;
  const taskDefinition = request ? request.taskdefinition : EcsParameters?.TaskDefinitionArn;
  return {
    cluster: request ? (request.cluster ?? 'default') : Arn,
    ...(taskDefinition !== undefined && { taskDefinition }),
  };
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
