/** `npm run demo`: deploys the real stacks into an embedded AWS with a fleet, runs the whole loop, and prints its progress. */

import { EXIT } from '../../cli/errors.ts';
import { print, printError, printJson, shortDigest } from '../../cli/output.ts';
import { policySchema } from '../../shared/domain/policy/policy.ts';
import { parse } from '../../shared/schema.ts';
import { FleetError, loadFleet } from '../fleet/load.ts';
import { policyAt } from '../fleet/policy.ts';
import type { Installation } from '../installation.ts';
import { reviewAndAct } from './act.ts';
import { cascadeAlarm } from './alarm.ts';
import { risksOf } from './at-risk.ts';
import { callRows, collect } from './collect.ts';
import { changingCalls, collectAct } from './collect-act.ts';
import { collectStreams } from './collect-streams.ts';
import { endedWell } from './ended-well.ts';
import { DEFAULT_FLEET, DEMO_HELP, type DemoFlags, DemoUsageError, parseFlags } from './flags.ts';
import { keepUp } from './keep.ts';
import { type Names, namesIn } from './names.ts';
import { PictureError, writePicture } from './picture.ts';
import { prepare } from './prepare.ts';
import { printResult } from './print.ts';
import { printSummary, tellSummary } from './print-summary.ts';
import { printWords } from './print-words.ts';
import { Progress } from './progress.ts';
import { type DemoResult, demoResultSchema } from './result.ts';
import { Stopwatch } from './stopwatch.ts';
import { Story } from './story.ts';
import { faultSentences, faultsOf, troubleOf, troubleText } from './trouble.ts';
import { wouldDo } from './would-do.ts';

async function demo(flags: DemoFlags): Promise<number> {
  const screen = new Progress(flags.json ? process.stderr : process.stdout);
  const story = new Story(screen);
  try {
    return await perform(flags, screen, story);
  } finally {
    story.end();
  }
}

async function perform(flags: DemoFlags, screen: Progress, story: Story): Promise<number> {
  const details = flags.verbose ? screen : Progress.silent();
  const watch = new Stopwatch();
  const fleet = await loadFleet(flags.fleet);
  story.title(`Patchwave in a local AWS, with the fleet "${fleet.name}"`, fleet.description);
  printWords(details);
  const { installation, tiers } = await prepare(fleet, flags, { story, details, watch });
  let kept: DemoResult['kept'];
  try {
    const names = namesIn(tiers ?? fleet, installation.policy);
    const result = await run(installation, flags, { story, details, names, watch });
    printResult(result, { progress: details, names, nowEpochMs: Date.now() });
    const summary = tellSummary(screen, story, result, names, lookFurther(flags, result));
    if (flags.keep) kept = keepUp(installation, screen);
    printSummary(screen, summary);
    if (flags.json) printJson(kept ? { ...result, kept } : result);
    return endedWell(result) ? EXIT.done : EXIT.failed;
  } finally {
    if (!kept) await installation.stop();
  }
}

interface Running {
  readonly story: Story;
  readonly details: Progress;
  readonly names: Names;
  readonly watch: Stopwatch;
}

async function run(installation: Installation, flags: DemoFlags, { story, details, names, watch }: Running) {
  const { cloud, context, fleet, policy, seeded } = installation;
  const own = parse(policySchema, policyAt(fleet, seeded.nowEpochMs));
  const { svg, chaos } = flags;
  let isDrawn = false;
  const draw = async (): Promise<void> => {
    if (svg === undefined || isDrawn) return;
    isDrawn = true;
    await writePicture(svg, context, own);
    story.say(`The picture of the plan is in ${svg}`);
  };
  if (chaos !== undefined) {
    await cloud.admin.setFaults(troubleOf(chaos));
    story.say(troubleText(troubleOf(chaos)));
  }
  await cloud.admin.clearCalls();
  const alarm = await cascadeAlarm(installation);
  const telling = { story, details, names, alarm, onPlan: draw };
  const { reviews, admitted, gaveUp, doors, last } = await reviewAndAct(installation, watch, telling);
  await draw();
  const calls = await cloud.admin.calls();
  const faults = chaos === undefined ? undefined : faultsOf(chaos, calls, await cloud.admin.eventFaultsMade());
  if (faults) for (const sentence of faultSentences(faults)) story.say(sentence);
  await cloud.admin.endFaults();
  const { arn, status, error, cause } = last.execution;
  const found = await collect(context, last.review);
  const done = await collectAct(context);
  const streams = await collectStreams(context, done, found.images);
  return parse(demoResultSchema, {
    fleet: fleet.name,
    seed: flags.seed,
    mode: policy.mode,
    execution: { arn, status, ...(error !== undefined && { error }), ...(cause !== undefined && { cause }) },
    ...found,
    atRisk: risksOf(found.images, { streams, answers: done.answers }, policy, names),
    calls: callRows(calls),
    act: {
      ...{ reviews, gaveUp, admitted },
      ...done,
      streams,
      wouldDo: policy.mode === 'enforce' ? [] : await wouldDo(context, own),
      calls: changingCalls(calls),
    },
    doors: [...doors],
    ...(svg !== undefined && { picture: svg }),
    ...(faults && { faults }),
    seconds: watch.end(),
  });
}

/** The command that shows more of this run: in the kept cloud the first image at risk, else a cloud that is kept. */
function lookFurther(flags: DemoFlags, { atRisk }: DemoResult): string {
  const [first] = atRisk;
  if (flags.keep) return `npm run patchwave -- ${first ? `why ${shortDigest(first.digest)}` : 'status'}`;
  const fleet = flags.registry ? ' --registry' : flags.fleet === DEFAULT_FLEET ? '' : ` --fleet ${flags.fleet}`;
  return `npm run demo --${fleet} --keep`;
}

/** Errors that a user can fix show their message; all others keep their stack for a bug report. */
function explain(error: unknown): string {
  if (error instanceof FleetError || error instanceof DemoUsageError || error instanceof PictureError)
    return error.message;
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
