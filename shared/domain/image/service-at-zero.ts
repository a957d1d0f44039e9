import { DAY_MS } from '../common/time.ts';
import { type Cluster, workloadText } from './usage.ts';
import { AT_ZERO_KIND } from './workload-kind.ts';

/** A service of Amazon ECS, by its name in its cluster. */
export interface EcsService extends Cluster {
  readonly service: string;
}

/** A person says that a service at zero is unused, until an instant. */
export interface UnusedConfirmation {
  /** The person who answers for it. */
  readonly by: string;
  /** The AWS identity that recorded it. */
  readonly author: string;
  readonly atEpochMs: number;
  /** From then on it counts no more. */
  readonly untilEpochMs: number;
  readonly reason: string;
}

/** A service that should run no task and runs none, as reviews found it. */
export interface ServiceAtZero extends EcsService {
  /** When a review first found it so, without a start in between. */
  readonly sinceEpochMs: number;
  /** A rule or schedule starts its images in its cluster, or it is unknown whether one does. */
  readonly isScheduled?: true;
  readonly confirmed?: UnusedConfirmation;
  /** A review found it started, or deleted. It may be at zero again later: then it begins anew. */
  readonly ended?: { readonly atEpochMs: number; readonly why: 'started' | 'gone' };
}

/** What one reading says of a service at zero. */
export type SeenAtZero = Pick<ServiceAtZero, 'cluster' | 'service' | 'isScheduled'>;

/** What a reading shows of the services of an account and Region. */
export interface ServicesSeen {
  readonly atZero: readonly SeenAtZero[];
  /** Those that run a task, as `nameInCluster` writes them. */
  readonly running: ReadonlySet<string>;
  /** Every service was listed. Otherwise one that is not shown may be at zero. */
  readonly isComplete: boolean;
  readonly atEpochMs: number;
}

/** A scope is one account and Region, so cluster and name say which service it is. No name holds a `/`. */
export const nameInCluster = ({ cluster, service }: Pick<EcsService, 'cluster' | 'service'>): string =>
  `${cluster}/${service}`;

export const serviceKeyOf = ({ account, region, cluster, service }: EcsService): string =>
  `${account}/${region}/${cluster}/${service}`;

/** How texts name the usages of the service. */
export const serviceText = ({ service, ...cluster }: EcsService): string =>
  workloadText({ ...cluster, workloadKind: AT_ZERO_KIND, workload: service, container: '', count: 0 });

/** A person reviews it at least as often as a waiver. */
export const MOST_DAYS_CONFIRMED = 180;
/** A service that is at zero for so long is reported. */
export const UNUSED_AFTER_DAYS = 90;

/** Whether the possible usages of a service keep no closure open. */
export const isConfirmedUnused = ({ confirmed, ended }: ServiceAtZero, nowEpochMs: number): boolean =>
  confirmed !== undefined && ended === undefined && nowEpochMs < confirmed.untilEpochMs;

/** Whether a person should look at it: at zero for long, nothing schedules it, and no confirmation counts. */
export const isUnused = (one: ServiceAtZero, nowEpochMs: number): boolean =>
  one.ended === undefined &&
  !one.isScheduled &&
  !isConfirmedUnused(one, nowEpochMs) &&
  nowEpochMs >= one.sinceEpochMs + UNUSED_AFTER_DAYS * DAY_MS;

/**
 * What a reading changes of one service. One that ran, or is gone, loses its confirmation for good: another person may have begun to
 * use it. Returns `before` itself if nothing changes.
 */
export function afterReading(
  name: EcsService,
  before: ServiceAtZero | undefined,
  { atZero, running, isComplete, atEpochMs }: ServicesSeen,
): ServiceAtZero | undefined {
  const seen = atZero.find((one) => nameInCluster(one) === nameInCluster(name));
  const isRunning = running.has(nameInCluster(name));
  if (seen && !isRunning) {
    const scheduled = seen.isScheduled ? { isScheduled: true as const } : {};
    if (!before || before.ended) return { ...name, sinceEpochMs: atEpochMs, ...scheduled };
    const { isScheduled, ...rest } = before;
    return isScheduled === seen.isScheduled ? before : { ...rest, ...scheduled };
  }
  if (!before || before.ended || !(isRunning || isComplete)) return before;
  return { ...before, ended: { atEpochMs, why: isRunning ? 'started' : 'gone' } };
}

/** Services at zero as a report names them, each list in a fixed order. */
export interface ServicesAtZero {
  /** At zero for long, and nothing schedules them. */
  readonly unused: readonly ServiceAtZero[];
  /** A person confirmed them, and it counts. */
  readonly confirmed: readonly ServiceAtZero[];
  /** A person confirmed them, and it counts no more. */
  readonly over: readonly ServiceAtZero[];
}

export function reportedAtZero(all: readonly ServiceAtZero[], nowEpochMs: number): ServicesAtZero {
  const ordered = all.toSorted((one, other) => (serviceKeyOf(one) < serviceKeyOf(other) ? -1 : 1));
  return {
    unused: ordered.filter((one) => isUnused(one, nowEpochMs)),
    confirmed: ordered.filter((one) => isConfirmedUnused(one, nowEpochMs)),
    over: ordered.filter((one) => one.confirmed !== undefined && !isConfirmedUnused(one, nowEpochMs)),
  };
}

/** Why a confirmation no longer counts. */
export const overText = ({ confirmed, ended }: ServiceAtZero): string => {
  const end = confirmed?.untilEpochMs ?? 0;
  if (!ended || end <= ended.atEpochMs) return 'its end has passed';
  return ended.why === 'started' ? 'the service started' : 'the service is no longer at zero, or was deleted';
};
