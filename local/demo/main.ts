/** `npm run demo`: deploys the real stacks into an embedded AWS with a fleet, runs the whole loop, and prints its progress. */

import { EXIT } from '../../cli/errors.ts';
import { print, printError, printJson } from '../../cli/output.ts';
import { policySchema } from '../../shared/domain/policy/policy.ts';
import { parse } from '../../shared/schema.ts';
import { FleetError, loadFleet } from '../fleet/load.ts';
import { policyAt } from '../fleet/policy.ts';
import { type Installation, install } from '../installation.ts';
import { createRegistryTiers, type RegistryTiers } from '../registry-tiers.ts';
import { reviewAndAct } from './act.ts';
import { callRows, collect } from './collect.ts';
import { changingCalls, collectAct } from './collect-act.ts';
import { collectStreams } from './collect-streams.ts';
import { endedWell } from './ended-well.ts';
import { DEMO_HELP, type DemoFlags, DemoUsageError, parseFlags } from './flags.ts';
import { keepUp } from './keep.ts';
import { type Names, namesIn } from './names.ts';
import { printResult } from './print.ts';
import { printFleet } from './print-fleet.ts';
import { Progress } from './progress.ts';
import { type DemoResult, demoResultSchema } from './result.ts';
import { Stopwatch } from './stopwatch.ts';
import { troubleOf } from './trouble.ts';
import { wouldDo } from './would-do.ts';

const STEP_TITLES = {
  build: 'Bundling the functions',
  cloud: 'Starting the embedded cloud',
  fleet: 'Creating the fleet: registries, images, workloads',
  deploy: 'Deploying template.yaml and member-account.yaml',
  policy: 'Putting the policy in force',
} as const;

async function demo(flags: DemoFlags): Promise<number> {
  const progress = new Progress(flags.json ? process.stderr : process.stdout);
  const watch = new Stopwatch();
  const fleet = await loadFleet(flags.fleet);
  printFleet(progress, fleet);
  let tiers: RegistryTiers | undefined;
  const installation = await install(fleet, {
    build: true,
    parameters: { PlanningState: 'ENABLED' },
    ...(flags.mode && { mode: flags.mode }),
    ...(flags.registry && {
      prepare: async (cloud) => {
        progress.endBar();
        progress.line('Deploying registry.yaml and pipeline.yaml, and building three tiers ...');
        watch.begin('registry');
        tiers = await createRegistryTiers(cloud, fleet, (line) => progress.text(`  ${line}`, 2));
        return tiers.pipelines;
      },
    }),
    onStep: (step) => {
      progress.endBar();
      progress.line(`${STEP_TITLES[step]} ...`);
      watch.begin(step);
    },
    onCloud: ({ stateDir, removed }) => {
      progress.text(`  Files and log: ${stateDir}`, 2);
      if (removed.length > 0) progress.text(`  Removed files that killed demos left: ${removed.join(', ')}`, 2);
    },
    onProgress: ({ step, done, total }) => progress.move(step, done, total),
  });
  let kept: DemoResult['kept'];
  try {
    const names = namesIn(tiers ?? fleet, installation.policy);
    const result = await run(installation, flags, { progress, names, watch });
    printResult(result, { progress, names, nowEpochMs: Date.now() });
    if (flags.keep) kept = keepUp(installation, progress);
    if (flags.json) printJson(kept ? { ...result, kept } : result);
    return endedWell(result) ? EXIT.done : EXIT.failed;
  } finally {
    if (!kept) await installation.stop();
  }
}

interface Telling {
  readonly progress: Progress;
  readonly names: Names;
  readonly watch: Stopwatch;
}

async function run(installation: Installation, flags: DemoFlags, { progress, names, watch }: Telling) {
  const { cloud, context, fleet, policy, seeded } = installation;
  if (flags.chaos !== undefined) await cloud.admin.setFaults(troubleOf(flags.chaos));
  await cloud.admin.clearCalls();
  const { reviews, admitted, last } = await reviewAndAct(installation, watch, {
    progress,
    names,
    printed: new Set(),
    isFound: false,
  });
  await cloud.admin.endFaults();
  const calls = await cloud.admin.calls();
  const { arn, status, error, cause } = last.execution;
  const own = parse(policySchema, policyAt(fleet, seeded.nowEpochMs));
  const found = await collect(context, last.review);
  const done = await collectAct(context);
  return parse(demoResultSchema, {
    fleet: fleet.name,
    seed: flags.seed,
    mode: policy.mode,
    execution: { arn, status, ...(error !== undefined && { error }), ...(cause !== undefined && { cause }) },
    ...found,
    calls: callRows(calls),
    act: {
      ...{ reviews, admitted },
      ...done,
      streams: await collectStreams(context, done, found.images),
      wouldDo: policy.mode === 'enforce' ? [] : await wouldDo(context, own),
      calls: changingCalls(calls),
    },
    seconds: watch.end(),
  });
}

/** Errors that a user can fix show their message; all others keep their stack for a bug report. */
function explain(error: unknown): string {
  if (error instanceof FleetError || error instanceof DemoUsageError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

// The cloud watches a pipe of this process, so it also ends when this process is killed.
process.on('SIGINT', () => process.exit(130));
process.on('SIGTERM', () => process.exit(143));

try {
  const flags = parseFlags(process.argv.slice(2));
  if (flags.help) print(DEMO_HELP);
  else process.exitCode = await demo(flags);
} catch (error) {
  printError(`\n${explain(error)}`);
  process.exitCode = error instanceof DemoUsageError ? EXIT.usage : EXIT.failed;
}
