import { untilSettled } from '../local/acting.ts';
import { type Installation, install } from '../local/installation.ts';
import type { Rebuild } from '../shared/domain/cause/rebuild.ts';
import { median } from '../shared/domain/common/median.ts';
import { actingFleet, streamOf } from '../test/support/acting-fleet.ts';
import { ReviewFailedError } from './measured-days.ts';
import { askedRebuild, buildMsOf, endedCascade, LoopFailedError, latestRebuild, scanMsOf } from './rebuild-times.ts';
import type { BenchReport, Row } from './report.ts';

const APP = 'web';
const STREAM = streamOf(APP);
const ROUNDS = 5;
const BUILD_SECONDS = 5;
/** Budget of own time for each wave of a cascade, in seconds; a cascade of one stream has one wave. */
const MOST_OWN_SECONDS = 2;
const LIMIT_MS = 5 * 60_000;

/** The time of the loop for one stream, without its pipeline and its scanner. */
export async function loopBenchmark(): Promise<BenchReport> {
  const fleet = actingFleet([{ name: APP, pipeline: { seconds: BUILD_SECONDS } }]);
  await using installation = await install(fleet, { build: true });
  const execution = await installation.review();
  if (execution.status !== 'SUCCEEDED') throw new ReviewFailedError(execution);
  await untilSettled(installation.context, LIMIT_MS);
  const rounds = [await roundOf(installation, await latestRebuild(installation, STREAM))];
  while (rounds.length < ROUNDS)
    rounds.push(await roundOf(installation, await askedRebuild(installation, STREAM, `round ${rounds.length}`)));
  return {
    benchmark: 'loop',
    question: `one stream, from its plan to its verified image, ${ROUNDS} times`,
    rows: rowsOf(rounds),
    notes: [
      `a pipeline that takes ${BUILD_SECONDS} s and then builds; the first round fixes a finding, the others are manual requests`,
      'build: the pipeline execution, from CodePipeline; scan: from its request to its end, from the ledger',
      'own time: from the plan to the outcome, without build and scan; includes the embedded cloud on this machine',
    ],
  };
}

interface Round {
  readonly toPatchMs: number;
  readonly toRolledOutMs: number;
  readonly buildMs: number;
  readonly scanMs: number;
}

const ownMs = ({ toPatchMs, buildMs, scanMs }: Round): number => toPatchMs - buildMs - scanMs;

function rowsOf(rounds: readonly Round[]): Row[] {
  const seconds = (of: (round: Round) => number): number => median(rounds.map(of)) / 1000;
  const unit = 's';
  return [
    {
      ...{ figure: 'time to patch', measured: seconds(({ toPatchMs }) => toPatchMs), unit },
      reference: seconds(({ buildMs, scanMs }) => buildMs + scanMs),
    },
    { figure: "Patchwave's own time for a wave", measured: seconds(ownMs), unit, budget: MOST_OWN_SECONDS },
    { figure: 'build', measured: seconds(({ buildMs }) => buildMs), unit },
    { figure: 'scan', measured: seconds(({ scanMs }) => scanMs), unit },
    {
      figure: 'from the plan to the end of the rollout',
      measured: seconds(({ toRolledOutMs }) => toRolledOutMs),
      unit,
    },
  ];
}

async function roundOf(installation: Installation, rebuild: Rebuild): Promise<Round> {
  const { outcome, endedAtEpochMs } = rebuild;
  if (outcome?.result !== 'fixed' || endedAtEpochMs === undefined)
    throw new LoopFailedError(`${rebuild.rebuildId} ended ${JSON.stringify(outcome)}`);
  const cascade = await endedCascade(installation, rebuild.cascadeId);
  return {
    toPatchMs: endedAtEpochMs - cascade.plannedAtEpochMs,
    toRolledOutMs: cascade.endedAtEpochMs - cascade.plannedAtEpochMs,
    buildMs: await buildMsOf(installation, rebuild),
    scanMs: await scanMsOf(installation, rebuild),
  };
}
