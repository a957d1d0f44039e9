import type { CascadeNode } from '../cause/cascade.ts';
import type { Rebuild } from '../cause/rebuild.ts';
import { compareTexts } from '../common/compare-texts.ts';
import { DAY_MS, MINUTE_MS } from '../common/time.ts';
import { type Usage, workloadText } from '../image/usage.ts';
import { type RolloutTargets, type UndeployableReason, undeployable } from '../image/workload-kind.ts';
import type { StreamPolicy } from '../stream/stream-policy.ts';
import { expectedBuildMs, expectedVerificationMs } from './build-history.ts';

/** From `atLeastMs` to `atMostMs`; equal if the duration is known. */
export interface Span {
  readonly atLeastMs: number;
  readonly atMostMs: number;
}

/** How long one stream's rebuild takes. */
export interface RebuildTime extends Span {
  /** From its own last rebuilds. A part without history counts with the maximum that the policy allows. */
  readonly build: Span;
  readonly hasHistory: boolean;
}

/** The workloads that run images which the plan replaces. */
export interface Reached {
  /** Named by `workloadText`. */
  readonly workloads: readonly string[];
  readonly accounts: readonly string[];
  /** Those that no rollout deploys, whatever the policy says: their owners do. */
  readonly left: readonly LeftWorkload[];
}

export interface LeftWorkload {
  /** As in `workloads`. */
  readonly workload: string;
  readonly reason: UndeployableReason;
}

export interface ForecastNode extends Pick<CascadeNode, 'stream' | 'work' | 'wave'>, Reached {
  /** Absent if nothing is built. */
  readonly time?: RebuildTime;
  /** The account of its pipeline. */
  readonly account?: string;
}

export interface WaveForecast extends Span {
  readonly wave: number;
  readonly streams: number;
  readonly builds: number;
  /** Builds of streams that have never been rebuilt, or never verified. */
  readonly withoutHistory: number;
  readonly workloads: number;
  readonly accounts: number;
}

export interface PlanForecast extends Omit<WaveForecast, 'wave'> {
  readonly waves: readonly WaveForecast[];
  /** The sum of all builds. */
  readonly building: Span;
}

/** No policy allows a longer build. */
const LONGEST_BUILD_MS = 7 * DAY_MS;

/**
 * The duration of one rebuild from the stream's history. Without history it may take from zero to the limit of the
 * policy.
 * @param rebuilds newest first
 */
export function rebuildTime(
  rebuilds: readonly Rebuild[],
  { buildMs = LONGEST_BUILD_MS, guards }: Pick<StreamPolicy, 'buildMs' | 'guards'>,
): RebuildTime {
  const build = spanOf(expectedBuildMs(rebuilds), buildMs);
  const verification = spanOf(expectedVerificationMs(rebuilds), guards.verifyMinutes * MINUTE_MS);
  const { atLeastMs, atMostMs } = inTurn([build, verification]);
  return { build, atLeastMs, atMostMs, hasHistory: atLeastMs === atMostMs };
}

const spanOf = (expectedMs: number | undefined, limitMs: number): Span =>
  expectedMs === undefined
    ? { atLeastMs: 0, atMostMs: limitMs }
    : { atLeastMs: Math.round(expectedMs), atMostMs: Math.round(expectedMs) };

const inTurn = (spans: readonly Span[]): Span => ({
  atLeastMs: sum(spans.map(({ atLeastMs }) => atLeastMs)),
  atMostMs: sum(spans.map(({ atMostMs }) => atMostMs)),
});

/** Workloads and accounts, each once. */
export function reachedBy(usages: readonly Usage[], targets: RolloutTargets): Reached {
  const left = new Map(usages.map((usage) => [workloadText(usage), undeployable(usage, targets)]));
  return {
    left: inOrder([...left.keys()]).flatMap((workload) => {
      const reason = left.get(workload);
      return reason === undefined ? [] : [{ workload, reason }];
    }),
    workloads: inOrder(usages.map(workloadText)),
    accounts: inOrder(usages.map(({ account }) => account)),
  };
}

/**
 * How long a plan takes until all is verified, what it builds and whom it reaches. A wave begins when the one before
 * has ended.
 */
export function forecastPlan(nodes: readonly ForecastNode[], caps: StreamPolicy['caps']): PlanForecast {
  const byWave = [...Map.groupBy(nodes, ({ wave }) => wave)].sort(([one], [other]) => one - other);
  const waves = byWave.map(([wave, members]) => ({ wave, ...countsOf(members), ...waveTime(members, caps) }));
  return { ...countsOf(nodes), ...inTurn(waves), building: inTurn(timesOf(nodes).map(({ build }) => build)), waves };
}

function countsOf(nodes: readonly ForecastNode[]): Omit<WaveForecast, 'wave' | keyof Span> {
  return {
    streams: nodes.length,
    builds: nodes.filter(({ work }) => work === 'rebuild').length,
    withoutHistory: timesOf(nodes).filter(({ hasHistory }) => !hasHistory).length,
    workloads: new Set(nodes.flatMap(({ workloads }) => workloads)).size,
    accounts: new Set(nodes.flatMap(({ accounts }) => accounts)).size,
  };
}

const timesOf = (nodes: readonly ForecastNode[]): RebuildTime[] => nodes.flatMap(({ time }) => time ?? []);

/**
 * Each rebuild needs a slot of the fleet and one of its account, and starts as soon as both are free. So a wave takes
 * at least its longest rebuild and at least its share of all slots. The rebuild that ends last waits only while one
 * kind of slot is fully taken by the others (R. L. Graham, "Bounds on Multiprocessing Timing Anomalies", 1969, extended
 * to two kinds).
 */
export function waveTime(
  nodes: readonly Pick<ForecastNode, 'time' | 'account'>[],
  { concurrentRebuilds, perAccount = Number.POSITIVE_INFINITY }: StreamPolicy['caps'],
): Span {
  const jobs = nodes.flatMap(({ time, account = '' }) => (time ? { ...time, account } : []));
  const accounts = Map.groupBy(jobs, ({ account }) => account);
  const queues = [
    { jobs, slots: concurrentRebuilds },
    ...[...accounts.values()].map((own) => ({ jobs: own, slots: perAccount })),
  ];
  const shares = queues.map(({ jobs: own, slots }) => sum(own.map(({ atLeastMs }) => atLeastMs)) / slots);
  const ends = jobs.map(({ account, atMostMs }) => {
    const waits = [
      waitMs(jobs, concurrentRebuilds, atMostMs),
      waitMs(accounts.get(account) ?? [], perAccount, atMostMs),
    ];
    return sum(waits) + atMostMs;
  });
  return { atLeastMs: greatest([...jobs.map(({ atLeastMs }) => atLeastMs), ...shares]), atMostMs: greatest(ends) };
}

/** The longest wait for a slot: as long as the other jobs keep all slots. */
const waitMs = (jobs: readonly Span[], slots: number, ownMs: number): number =>
  jobs.length <= slots ? 0 : (sum(jobs.map(({ atMostMs }) => atMostMs)) - ownMs) / slots;

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);
const greatest = (numbers: readonly number[]): number => numbers.reduce((most, one) => Math.max(most, one), 0);
const inOrder = (texts: readonly string[]): string[] => [...new Set(texts)].sort(compareTexts);
