import { counted } from '../../shared/domain/common/counted.ts';
import { instant } from '../../shared/domain/common/time.ts';
import { answerHead } from '../acting/answer-text.ts';
import {
  factsText,
  renderAnswers,
  renderCascade,
  renderClosures,
  renderSetAside,
  renderSwitch,
  renderWaiting,
  SET_ASIDE,
  WAITING,
} from '../acting/render-acting.ts';
import { fitted, paint, type TableColumn, table } from '../output.ts';
import { renderUndeployed, UNDEPLOYED } from '../undeployed.ts';
import type { OldParentStream, OldParents } from './old-parents.ts';
import type { PlanNow, PlannedWork, StreamOnHold } from './plan-now.ts';
import { costLines, forecastLine, reachText, spanText, wavesTable } from './render-forecast.ts';

/** The plan, perhaps with the streams that images in use wait for. */
export type ShownPlan = PlanNow & Partial<OldParents>;

/** The plan as a page of text, without empty sections. */
export function renderPlan(plan: ShownPlan, now: number): string {
  const { planned, held, settled, cascades, closures, waitingForVendors, unreadable } = plan;
  const { oldParents = [], oldParentUnknown = 0 } = plan;
  const guessed = planned.filter((work) => work.headUnknown).map(({ stream }) => stream);
  const unguarded = planned.filter((work) => work.unguarded).map(({ stream }) => stream);
  return [
    headOf(plan, now),
    ...section(unreadable, SET_ASIDE, renderSetAside),
    ...section(planned, `Planned${plan.cascadeId === undefined ? '' : ` as cascade ${plan.cascadeId}`}`, plannedTable),
    ...section(plan.forecast.waves, 'Expected', () => expectation(plan)),
    ...section(
      guessed,
      'Head unknown: Patchwave reads it first. If it is fixed already, Patchwave only deploys it',
      listed,
    ),
    ...section(unguarded, 'Unguarded: their pipelines move the tag before Patchwave has verified the image', listed),
    ...section(
      planned.flatMap(({ left }) => left),
      UNDEPLOYED,
      renderUndeployed,
    ),
    ...section(held, 'On hold', (rows) => renderAnswers(rows.map(answered), now)),
    ...section(
      oldParents,
      'Images in use wait for these streams: they contain images that are too old',
      oldParentTable,
    ),
    ...(oldParentUnknown > 0
      ? [
          fitted(
            `${counted(oldParentUnknown, 'image')} in use built on an old image: unknown which stream must be rebuilt first. To see why: patchwave why IMAGE`,
            2,
          ),
        ]
      : []),
    ...section(waitingForVendors, WAITING, (rows) => renderWaiting(rows, now)),
    ...section(settled, 'Settled: no image has these facts any more', settledTable),
    ...section(cascades, 'In progress', (rows) => rows.map((view) => renderCascade(view, now)).join('\n\n')),
    ...section(closures, 'Verified, waiting for older images to stop', (rows) => renderClosures(rows, now)),
  ].join('\n\n');
}

/** Counts of planned and waiting streams in one line. */
export function sumsOf({ planned, held }: PlanNow): string {
  const rebuilds = planned.filter(({ work }) => work === 'rebuild').length;
  return `${counted(rebuilds, 'stream')} to rebuild, ${planned.length - rebuilds} to deploy, ${held.length} on hold`;
}

function headOf(plan: PlanNow, now: number): string {
  const { policyVersion, killSwitch, reviewRunning, planned, cascades, closures } = plan;
  const sums = `${sumsOf(plan)}; ${counted(cascades.length, 'cascade')} in progress, ${counted(closures.length, 'closure')} open`;
  const review = reviewRunning
    ? ['A review is running: until it ends, Patchwave plans only manual requests and rules with `urgent: true`.']
    : [];
  const expected = planned.length > 0 ? [forecastLine(plan.forecast)] : [];
  const lines = [sums, ...expected, renderSwitch(killSwitch, now), `policy ${policyVersion.slice(0, 12)}`, ...review];
  return fitted(lines.join('\n'), 2);
}

const section = <Row>(rows: readonly Row[], title: string, render: (rows: readonly Row[]) => string): string[] =>
  rows.length === 0 ? [] : [`${paint('bold', title)}\n${render(rows)}`];

const listed = (names: readonly string[]): string => names.map((name) => `  ${name}`).join('\n');

const answered = ({ stream, facts, ...answer }: StreamOnHold) => ({ stream, facts, answer });

const plannedTable = (rows: readonly PlannedWork[]): string =>
  table(rows, [
    { title: 'stream', value: ({ stream }) => stream },
    { title: 'work', value: ({ work }) => work, colour: () => 'cyan' },
    ...(rows.some(({ wave }) => wave > 0) ? [WAVE] : []),
    { title: 'expected', value: ({ expected }) => (expected ? spanText(expected) : '-') },
    { title: 'run by', value: runBy },
    { title: 'rules', value: ({ facts }) => [...new Set(facts.map(({ ruleId }) => ruleId))].join(', ') },
    { title: 'since', value: ({ facts }) => instant(Math.min(...facts.map(({ sinceEpochMs }) => sinceEpochMs))) },
    { title: 'found in', value: ({ holders }) => counted(holders.length, 'image') },
    { title: 'facts', value: ({ facts }) => factsText(facts) },
    ...(rows.some(({ wave }) => wave > 0) ? [AFTER] : []),
  ]);

const runBy = ({ workloads, accounts }: PlannedWork): string =>
  reachText({ workloads: workloads.length, accounts: accounts.length });

/** The waves, if there are several, and the cost. */
const expectation = ({ forecast, cost }: PlanNow): string =>
  [...(forecast.waves.length > 1 ? [wavesTable(forecast.waves)] : []), costLines(cost, forecast)].join('\n');

const WAVE: TableColumn<PlannedWork> = { title: 'wave', value: ({ wave }) => String(wave + 1), align: 'right' };

const AFTER: TableColumn<PlannedWork> = {
  title: 'built after',
  value: ({ parents }) => (parents.length === 0 ? '-' : parents.join(', ')),
};

const oldParentTable = (rows: readonly OldParentStream[]): string =>
  table(rows, [
    { title: 'stream', value: ({ stream }) => stream },
    { title: 'images', value: ({ images }) => String(images), align: 'right' },
    { title: 'streams', value: ({ streams }) => String(streams), align: 'right' },
    { title: 'owner', value: ({ owner = '-' }) => owner },
    { title: 'plan', value: oldParentPlan },
  ]);

function oldParentPlan({ stream, plan, answer }: OldParentStream): string {
  if (plan === 'planned') return 'planned';
  if (plan === 'in-progress') return 'in progress';
  if (answer) return answerHead(answer);
  return `no open cause; to request a rebuild: patchwave rebuild '${stream}' --reason TEXT`;
}

const settledTable = (rows: PlanNow['settled']): string =>
  table(rows, [
    { title: 'stream', value: ({ stream }) => stream },
    { title: 'facts', value: ({ facts }) => factsText(facts) },
  ]);
