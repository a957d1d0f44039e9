import { setTimeout as sleep } from 'node:timers/promises';
import { untilSettled } from '../local/acting.ts';
import { type Installation, install } from '../local/installation.ts';
import { collect, mapConcurrently } from '../shared/concurrency.ts';
import type { CascadeNode } from '../shared/domain/cause/cascade.ts';
import type { Rebuild } from '../shared/domain/cause/rebuild.ts';
import { type TieredFleet, tieredFleet } from '../test/support/tiered-fleet.ts';
import { ReviewFailedError } from './measured-days.ts';
import { endedCascade, LoopFailedError, runOf, scanMsOf } from './rebuild-times.ts';
import type { BenchReport, Row } from './report.ts';
import { templateDefaults } from './template-defaults.ts';

const APPS = 40;
const PLATFORMS = 4;
const LONGEST_BUILD_SECONDS = 10;
/** Budget of own time for each wave, in seconds. */
const MOST_OWN_SECONDS = 2;
const LIMIT_MS = 10 * 60_000;
const LOOK_EVERY_MS = 3_000;
const READS_AT_ONCE = 8;
/** These keep the template's values: no event is lost here, and no step waits for these batches. */
const AS_IN_TEMPLATE = ['BuildPollSeconds', 'HeadWindowSeconds', 'AnnounceWindowSeconds'];

/** The time from a base to forty applications, without the slowest pipelines and scans of each wave. */
export async function cascadeBenchmark(): Promise<BenchReport> {
  const parameters = await templateDefaults(AS_IN_TEMPLATE);
  await using installation = await install(tieredFleet(fleetOfForty()), { build: true, parameters });
  const execution = await installation.review();
  if (execution.status !== 'SUCCEEDED') throw new ReviewFailedError(execution);
  // All figures are read at the end: polling would take processor time from the measured work.
  await untilSettled(installation.context, LIMIT_MS, () => sleep(LOOK_EVERY_MS));
  const rebuilds = await rebuiltIn(installation);
  return {
    benchmark: 'cascade',
    question: `one base, ${PLATFORMS} platforms and ${APPS} applications, from the plan to the last verified image`,
    rows: await rowsOf(installation, rebuilds),
    notes: [
      `builds take from 1 to ${LONGEST_BUILD_SECONDS} s, each as long in every run; no rebuild waits for a cap`,
      'slowest: the longest build (CodePipeline) and scan (ledger) of each wave, summed over the waves',
      'own time: the rest, for each wave; includes the embedded cloud on this machine',
      'last stream: the one that settled last in its wave; from the end of the previous wave, and from the end of its build',
    ],
  };
}

/** Uneven, and the same in every run. */
const secondsOf = (at: number): number => 1 + ((at * 7) % LONGEST_BUILD_SECONDS);

function fleetOfForty(): TieredFleet {
  const inherits = (at: number) => ({ upgrades: false, seconds: secondsOf(at) });
  const platforms = Array.from({ length: PLATFORMS }, (_, at) => ({ name: `platform-${at}`, base: 'debian' }));
  const apps = Array.from({ length: APPS }, (_, at) => ({ name: `app-${at}`, parent: `platform-${at % PLATFORMS}` }));
  return {
    bases: [{ name: 'debian' }],
    platforms: platforms.map((platform, at) => ({ ...platform, pipeline: inherits(at) })),
    apps: apps.map((app, at) => ({ ...app, pipeline: inherits(at) })),
    services: Object.fromEntries(apps.map(({ name }) => [name, [name]])),
    policy: { caps: { concurrentRebuilds: APPS } },
  };
}

interface Rebuilt {
  readonly node: CascadeNode;
  readonly rebuild: Rebuild;
}

async function rebuiltIn({ context, policy }: Installation): Promise<readonly Rebuilt[]> {
  const streams = (await collect(context.streams.all())).map(({ stream }) => stream);
  const rebuilds = await mapConcurrently(streams, READS_AT_ONCE, (stream) => context.rebuilds.latest(stream, 2));
  const once = rebuilds.flatMap((all) => (all.length === 1 ? all : []));
  if (once.length !== policy.streams.length)
    throw new LoopFailedError(`${once.length} of ${policy.streams.length} streams were rebuilt exactly once`);
  return mapConcurrently(once, READS_AT_ONCE, async (rebuild) => {
    const node = await context.cascades.node(rebuild.cascadeId, rebuild.stream);
    if (!node || rebuild.outcome?.result !== 'fixed')
      throw new LoopFailedError(`${rebuild.stream} ended ${JSON.stringify(rebuild.outcome)}`);
    return { node, rebuild };
  });
}

async function rowsOf(installation: Installation, all: readonly Rebuilt[]): Promise<Row[]> {
  const cascadeIds = [...new Set(all.map(({ node }) => node.cascadeId))];
  const [cascadeId] = cascadeIds;
  if (cascadeId === undefined || cascadeIds.length > 1)
    throw new LoopFailedError(`expected one cascade, found ${cascadeIds.join(', ')}`);
  const cascade = await endedCascade(installation, cascadeId);
  const timed = await mapConcurrently(all, READS_AT_ONCE, async ({ node, rebuild }) => {
    const [run, scanMs] = await Promise.all([runOf(installation, rebuild), scanMsOf(installation, rebuild)]);
    return { wave: node.wave, ...run, scanMs, settledAtEpochMs: rebuild.endedAtEpochMs ?? 0 };
  });
  const waves = wavesOf(timed, cascade.plannedAtEpochMs);
  const toPatchMs = Math.max(...timed.map(({ settledAtEpochMs }) => settledAtEpochMs)) - cascade.plannedAtEpochMs;
  const slowestMs = sumOf(waves, ({ slowestMs }) => slowestMs);
  const unit = 's';
  return [
    { figure: 'time to patch', measured: toPatchMs / 1000, unit, reference: slowestMs / 1000 },
    {
      figure: `Patchwave's own time for each of ${waves.length} waves`,
      measured: (toPatchMs - slowestMs) / 1000 / waves.length,
      ...{ unit, budget: MOST_OWN_SECONDS },
    },
    {
      figure: 'last stream: until its build begins',
      measured: sumOf(waves, ({ beforeMs }) => beforeMs) / 1000 / waves.length,
      unit,
    },
    {
      figure: 'last stream: after its build, without the scan',
      measured: sumOf(waves, ({ afterMs }) => afterMs) / 1000 / waves.length,
      unit,
    },
    {
      figure: 'from the plan to the end of the rollout',
      measured: (cascade.endedAtEpochMs - cascade.plannedAtEpochMs) / 1000,
      unit,
    },
  ];
}

interface Timed {
  readonly wave: number;
  readonly startedAtEpochMs: number;
  readonly endedAtEpochMs: number;
  readonly scanMs: number;
  readonly settledAtEpochMs: number;
}

interface WaveTime {
  readonly slowestMs: number;
  /** Of the stream that was settled last: from the end of the wave before to its build, and from that to its end. */
  readonly beforeMs: number;
  readonly afterMs: number;
}

function wavesOf(all: readonly Timed[], plannedAtEpochMs: number): readonly WaveTime[] {
  let beganAtEpochMs = plannedAtEpochMs;
  const waves = [...Map.groupBy(all, ({ wave }) => wave)].sort(([one], [other]) => one - other);
  return waves.map(([, members]) => {
    const last = members.reduce((one, other) => (other.settledAtEpochMs > one.settledAtEpochMs ? other : one));
    const time = {
      slowestMs: Math.max(...members.map((one) => one.endedAtEpochMs - one.startedAtEpochMs + one.scanMs)),
      beforeMs: last.startedAtEpochMs - beganAtEpochMs,
      afterMs: last.settledAtEpochMs - last.endedAtEpochMs - last.scanMs,
    };
    beganAtEpochMs = last.settledAtEpochMs;
    return time;
  });
}

const sumOf = (waves: readonly WaveTime[], of: (wave: WaveTime) => number): number =>
  waves.reduce((sum, wave) => sum + of(wave), 0);
