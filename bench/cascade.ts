import { untilSettled } from '../local/acting.ts';
import { type Installation, install } from '../local/installation.ts';
import { collect, mapConcurrently } from '../shared/concurrency.ts';
import type { CascadeNode } from '../shared/domain/cascade.ts';
import type { Rebuild } from '../shared/domain/rebuild.ts';
import { type TieredFleet, tieredFleet } from '../test/support/tiered-fleet.ts';
import { ReviewFailedError } from './measured-days.ts';
import { buildMsOf, endedCascade, LoopFailedError, scanMsOf } from './rebuild-times.ts';
import type { Report, Row } from './report.ts';

const APPS = 40;
const PLATFORMS = 4;
const LONGEST_BUILD_SECONDS = 10;
/** Seconds of Patchwave's own for each wave. */
const MOST_OWN_SECONDS = 2;
const LIMIT_MS = 10 * 60_000;
const READS_AT_ONCE = 8;

/** How long a base takes to reach forty applications beside what the slowest pipelines and scans of each wave take. */
export async function cascadeBenchmark(): Promise<Report> {
  await using installation = await install(tieredFleet(fleetOfForty()), { build: true });
  const execution = await installation.review();
  if (execution.status !== 'SUCCEEDED') throw new ReviewFailedError(execution);
  await untilSettled(installation.context, LIMIT_MS);
  const rebuilds = await rebuiltIn(installation);
  return {
    benchmark: 'cascade',
    question: `one base, ${PLATFORMS} platforms and ${APPS} applications, from the plan to the last verified image`,
    rows: await rowsOf(installation, rebuilds),
    notes: [
      `builds take from 1 to ${LONGEST_BUILD_SECONDS} s, each as long in every run; nothing waits for a cap`,
      'slowest: of each wave the longest build and scan, as CodePipeline and the ledger tell them, summed over the waves',
      'own time: what is left, for each wave; the embedded cloud on this machine is in it',
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
    throw new LoopFailedError(`It took the cascades ${cascadeIds.join(', ')}`);
  const cascade = await endedCascade(installation, cascadeId);
  const toPatchMs = Math.max(...all.map(({ rebuild }) => rebuild.endedAtEpochMs ?? 0)) - cascade.plannedAtEpochMs;
  const slowest = new Map<number, number>();
  await mapConcurrently(all, READS_AT_ONCE, async ({ node, rebuild }) => {
    const ms = (await buildMsOf(installation, rebuild)) + (await scanMsOf(installation, rebuild));
    slowest.set(node.wave, Math.max(slowest.get(node.wave) ?? 0, ms));
  });
  const slowestMs = [...slowest.values()].reduce((sum, ms) => sum + ms, 0);
  const unit = 's';
  return [
    { figure: 'time to patch', measured: toPatchMs / 1000, unit, reference: slowestMs / 1000 },
    {
      figure: `own time of each of ${slowest.size} waves`,
      measured: (toPatchMs - slowestMs) / 1000 / slowest.size,
      ...{ unit, budget: MOST_OWN_SECONDS },
    },
    {
      figure: 'from the plan to the end of the rollout',
      measured: (cascade.endedAtEpochMs - cascade.plannedAtEpochMs) / 1000,
      unit,
    },
  ];
}
