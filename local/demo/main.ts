/** `npm run demo`: a fleet in an embedded AWS, the real stacks deployed into it, and the whole loop in it, told as it happens. */

import { EXIT } from '../../cli/errors.ts';
import { print, printJson } from '../../cli/output.ts';
import { policySchema } from '../../shared/domain/policy.ts';
import { parse } from '../../shared/schema.ts';
import { FleetError, loadFleet } from '../fleet/load.ts';
import { policyAt } from '../fleet/policy.ts';
import { type Installation, install } from '../installation.ts';
import { reviewAndAct } from './act.ts';
import { callRows, collect } from './collect.ts';
import { changingCalls, collectAct } from './collect-act.ts';
import { DEMO_HELP, type DemoFlags, DemoUsageError, parseFlags } from './flags.ts';
import { keepUp } from './keep.ts';
import { Progress } from './progress.ts';
import { type DemoResult, demoResultSchema } from './result.ts';
import { Stopwatch } from './stopwatch.ts';
import { tellResult } from './tell.ts';
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
  const installation = await install(fleet, {
    build: true,
    parameters: { PlanningState: 'ENABLED' },
    ...(flags.mode && { mode: flags.mode }),
    onStep: (step) => {
      progress.endBar();
      progress.line(`${STEP_TITLES[step]} ...`);
      watch.begin(step);
    },
    onProgress: ({ step, done, total }) => progress.move(step, done, total),
  });
  let kept: DemoResult['kept'];
  try {
    const result = await run(installation, flags, progress, watch);
    tellResult(progress, result, Date.now());
    if (flags.keep) kept = keepUp(installation, progress);
    if (flags.json) printJson(kept ? { ...result, kept } : result);
    return isGood(result) ? EXIT.done : EXIT.failed;
  } finally {
    if (!kept) await installation.stop();
  }
}

const isGood = ({ execution, act }: DemoResult): boolean =>
  execution.status === 'SUCCEEDED' && act.cascades.every(({ state }) => state === 'complete');

async function run(installation: Installation, flags: DemoFlags, progress: Progress, watch: Stopwatch) {
  const { cloud, context, fleet, policy, seeded } = installation;
  if (flags.chaos !== undefined) await cloud.admin.setFaults(troubleOf(flags.chaos));
  await cloud.admin.clearCalls();
  const { reviews, admitted, last } = await reviewAndAct(installation, progress, watch);
  await cloud.admin.endFaults();
  const calls = await cloud.admin.calls();
  const { arn, status, error, cause } = last.execution;
  const own = parse(policySchema, policyAt(fleet, seeded.nowEpochMs));
  return parse(demoResultSchema, {
    fleet: fleet.name,
    seed: flags.seed,
    mode: policy.mode,
    execution: { arn, status, ...(error !== undefined && { error }), ...(cause !== undefined && { cause }) },
    ...(await collect(context, last.review)),
    calls: callRows(calls),
    act: {
      ...{ reviews, admitted },
      ...(await collectAct(context)),
      wouldDo: policy.mode === 'enforce' ? [] : await wouldDo(context, own),
      calls: changingCalls(calls),
    },
    seconds: watch.end(),
  });
}

/** What a person can mend gets its message; anything else keeps its stack for whoever mends us. */
function explain(error: unknown): string {
  if (error instanceof FleetError || error instanceof DemoUsageError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

// The cloud ends with this process, whichever way it ends: it watches the pipe that we hold.
process.on('SIGINT', () => process.exit(130));
process.on('SIGTERM', () => process.exit(143));

try {
  const flags = parseFlags(process.argv.slice(2));
  if (flags.help) print(DEMO_HELP);
  else process.exitCode = await demo(flags);
} catch (error) {
  process.stderr.write(`\n${explain(error)}\n`);
  process.exitCode = error instanceof DemoUsageError ? EXIT.usage : EXIT.failed;
}
