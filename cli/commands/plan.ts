import { UNTOUCHED_SWITCH } from '../../shared/domain/cascade.ts';
import { policyVersion } from '../../shared/domain/policy-document.ts';
import { instant } from '../../shared/domain/time.ts';
import type { Arguments, CliContext, Command } from '../command.ts';
import { EXIT } from '../errors.ts';
import { type Column, counted, paint, print, printJson, table } from '../output.ts';
import { type HeldStream, type PlanLedger, type PlanNow, type PlannedWork, planNow } from '../plan-now.ts';
import { policyIn } from '../policy-file.ts';
import { factsText, renderAnswers, renderCascade, renderClosures, renderSwitch } from '../render-acting.ts';

export const planCommand: Command = {
  summary: 'What would be rebuilt and deployed now, what is held back and why, and what goes on. Only reads.',
  synopsis: '[--policy FILE] [--resumed]',
  words: [0, 0],
  options: { policy: { type: 'string' }, resumed: { type: 'boolean' } },
  optionHelp: {
    'policy FILE': 'as if that policy were in force',
    resumed: 'as if nobody had paused Patchwave',
  },
  async run(context, args) {
    const connected = await context();
    const plan = await planNow(await supposed(connected, args));
    if (args.json) printJson(plan);
    else print(renderPlan(plan, connected.clock()));
    return EXIT.done;
  },
};

/** The ledger with another policy or switch than it holds. */
async function supposed(context: CliContext, { flags }: Arguments): Promise<PlanLedger> {
  const policy = typeof flags.policy === 'string' ? await policyIn(flags.policy) : undefined;
  const inForce = policy && { policy, version: policyVersion(policy) };
  return {
    ...context,
    ...(inForce && { policies: { current: async () => inForce } }),
    ...(flags.resumed === true && { killSwitch: { read: async () => UNTOUCHED_SWITCH } }),
  };
}

/** The plan as a page of text; what there is none of is left out. */
export function renderPlan(plan: PlanNow, now: number): string {
  const { planned, held, settled, cascades, closures } = plan;
  const guessed = planned.filter((work) => work.headUnknown).map(({ stream }) => stream);
  const unguarded = planned.filter((work) => work.unguarded).map(({ stream }) => stream);
  return [
    headOf(plan, now),
    ...section(planned, `Planned${plan.cascadeId === undefined ? '' : ` as cascade ${plan.cascadeId}`}`, plannedTable),
    ...section(
      guessed,
      'Head not known yet: the planner looks it up first, and only deploys it where it is mended',
      listed,
    ),
    ...section(unguarded, 'Unguarded: their pipelines move the tag before the image is verified', listed),
    ...section(held, 'Held back', (rows) => renderAnswers(rows.map(answered), now)),
    ...section(settled, 'Settled: nothing holds these facts any more', settledTable),
    ...section(cascades, 'Under way', (rows) => rows.map((view) => renderCascade(view, now)).join('\n\n')),
    ...section(closures, 'Verified, and waiting until nothing older runs', (rows) => renderClosures(rows, now)),
  ].join('\n\n');
}

function headOf({ policyVersion, killSwitch, reviewRunning, planned, held, cascades, closures }: PlanNow, now: number) {
  const rebuilds = planned.filter(({ work }) => work === 'rebuild').length;
  const sums = `${counted(rebuilds, 'stream')} to rebuild, ${planned.length - rebuilds} to deploy, ${held.length} held back; ${counted(cascades.length, 'cascade')} under way, ${counted(closures.length, 'closure')} open`;
  const review = reviewRunning ? ['A review runs: until it ends only what is urgent is planned.'] : [];
  return [sums, renderSwitch(killSwitch, now), `policy ${policyVersion.slice(0, 12)}`, ...review].join('\n');
}

const section = <Row>(rows: readonly Row[], title: string, render: (rows: readonly Row[]) => string): string[] =>
  rows.length === 0 ? [] : [`${paint('bold', title)}\n${render(rows)}`];

const listed = (names: readonly string[]): string => names.map((name) => `  ${name}`).join('\n');

const answered = ({ stream, facts, ...answer }: HeldStream) => ({ stream, facts, answer });

const plannedTable = (rows: readonly PlannedWork[]): string =>
  table(rows, [
    { title: 'stream', value: ({ stream }) => stream },
    { title: 'work', value: ({ work }) => work, colour: () => 'cyan' },
    ...(rows.some(({ wave }) => wave > 0) ? WAVES : []),
    { title: 'rules', value: ({ facts }) => [...new Set(facts.map(({ ruleId }) => ruleId))].join(', ') },
    { title: 'since', value: ({ facts }) => instant(Math.min(...facts.map(({ sinceEpochMs }) => sinceEpochMs))) },
    { title: 'held by', value: ({ holders }) => counted(holders.length, 'image') },
    { title: 'facts', value: ({ facts }) => factsText(facts) },
  ]);

const WAVES: readonly Column<PlannedWork>[] = [
  { title: 'wave', value: ({ wave }) => String(wave + 1), align: 'right' },
  { title: 'once verified', value: ({ parents }) => (parents.length === 0 ? '-' : parents.join(', ')) },
];

const settledTable = (rows: PlanNow['settled']): string =>
  table(rows, [
    { title: 'stream', value: ({ stream }) => stream },
    { title: 'facts', value: ({ facts }) => factsText(facts) },
  ]);
