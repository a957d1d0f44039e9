import { readFile } from 'node:fs/promises';
import { ROOT } from '../scripts/setup.mjs';
import type { ReviewRecord } from '../shared/domain/run.ts';
import { prices } from '../shared/prices.ts';
import { type CostLine, dayCost, type Growth, grown, monthlyCost, type Standing, totalOf } from './cost-model.ts';
import { dayUse, useBeside } from './day-use.ts';
import { type MeasuredDays, measuredDays } from './measured-days.ts';
import { measuredRebuild } from './measured-rebuild.ts';
import type { Report, Row } from './report.ts';

const IMAGES = 10_000;
const USAGES = 30_000;
/** USD a day and a month. */
const DAY_BUDGET = 0.2;
const MONTH_BUDGET = 20;
/** A fleet that is rebuilt once in 30 days has so large a part that is new each day. */
const NEW_SHARE = 1 / 30;
const NEW_IMAGES = Math.ceil(IMAGES * NEW_SHARE);
/** PlanScheduleRule of template.yaml wakes the planner every 15 minutes. */
const PLANS_A_DAY = 96;
const RUN_FILES_KEPT_DAYS = 7;
const GB = 1e9;

/** What a review of 10,000 images costs a day, and what stands there all month. */
export async function costBenchmark(): Promise<Report> {
  const days = await measuredDays();
  const growth = growthOf(days);
  const steady = dayCost(grown(dayUse(days.steady, days.functionsByRole), growth), prices.prices);
  const running = dayCost(grown(dayUse(days.steady, days.functionsByRole), runningGrowthOf(days)), prices.prices);
  const first = dayCost(grown(dayUse(days.first, days.functionsByRole), growth), prices.prices);
  const plan = totalOf(dayCost(grown(useBeside(days.plan, days.functionsByRole), growth), prices.prices));
  const { rebuild, functionsByRole } = await measuredRebuild();
  const oneRebuild = totalOf(dayCost(useBeside(rebuild, functionsByRole), prices.prices));
  const month = monthlyCost(await standingOf(days, growth), prices.prices);
  const changing = totalOf(steady) + NEW_SHARE * totalOf(first);
  return {
    benchmark: 'cost',
    question: `what ${IMAGES} images and ${USAGES} usages in ${days.fleet.accounts.length} accounts cost (USD)`,
    rows: [
      ...steady.map(line('a steady day')),
      { figure: 'a steady day', measured: totalOf(steady), unit: 'USD', budget: DAY_BUDGET },
      { figure: `a steady day, ${IMAGES} running beside what they stand on`, measured: totalOf(running), unit: 'USD' },
      { figure: 'a steady day, and 1/30 of a first one', measured: changing, unit: 'USD' },
      { figure: 'the first day', measured: totalOf(first), unit: 'USD' },
      { figure: `the planner by the clock, ${PLANS_A_DAY} plans a day`, measured: PLANS_A_DAY * plan, unit: 'USD' },
      { figure: 'a rebuild', measured: oneRebuild, unit: 'USD' },
      { figure: `${NEW_IMAGES} rebuilds a day`, measured: NEW_IMAGES * oneRebuild, unit: 'USD' },
      ...month.map(line('a month')),
      { figure: 'a month, whatever happens', measured: totalOf(month), unit: 'USD', budget: MONTH_BUDGET },
    ],
    notes: [
      `measured with ${foundIn(days)} images, ${belowIn(days.steady.review)} of them only stood upon, and ${usagesIn(days)} usages`,
      'in as many accounts and Regions, and scaled',
      'the steady day: with the plan after the review, without those that the clock asks for in between, and without rebuilds',
      `the planner by the clock: every stream waits with an open cause, as here; without open causes it reads next to nothing`,
      'a rebuild: of one stream on its own, which a person asked for, with its plans, cascade and rollout; without its build',
      'an upper bound: the calls of a function wait one after another, and there is no free tier',
      `prices: shared/prices.json, ${prices.region}; those marked as not primary come from secondary sources`,
    ],
  };
}

const line =
  (when: string) =>
  ({ what, usd }: CostLine): Row => ({ figure: `${when}: ${what}`, measured: usd, unit: 'USD' });

/** What runs, and what that stands on: a review scans and judges both alike. */
const foundIn = ({ steady: { review } }: MeasuredDays): number => runningIn(review) + belowIn(review);
const runningIn = ({ totals }: ReviewRecord): number => totals?.found ?? 0;
const belowIn = ({ totals }: ReviewRecord): number => totals?.ancestors?.found ?? 0;
const usagesIn = ({ steady }: MeasuredDays): number => steady.review.totals?.inventory.usages ?? 0;

const runningGrowthOf = (days: MeasuredDays): Growth => ({
  ...growthOf(days),
  images: IMAGES / runningIn(days.steady.review),
});

const growthOf = (days: MeasuredDays): Growth => ({ images: IMAGES / foundIn(days), usages: USAGES / usagesIn(days) });

async function standingOf({ first, steady, functionsByRole, stored }: MeasuredDays, growth: Growth): Promise<Standing> {
  const template = await readFile(`${ROOT}/template.yaml`, 'utf8');
  const resources = (type: string) => template.split(`Type: ${type}\n`).length - 1;
  const larger = Math.max(growth.images, growth.usages);
  const day = grown(dayUse(steady, functionsByRole), growth);
  return {
    alarmMetrics: template.match(/^ +MetricName: /gm)?.length ?? 0,
    dashboards: resources('AWS::CloudWatch::Dashboard'),
    metrics: new Set([first, steady].flatMap(({ logs }) => logs.flatMap(({ metrics }) => [...metrics]))).size,
    ledgerGb: (stored.ledgerBytes * larger) / GB,
    bucketGb: ((stored.evidenceBytes + stored.runBytes * RUN_FILES_KEPT_DAYS) * larger) / GB,
    logGbAMonth: (30 * day.functions.reduce((sum, { logBytes }) => sum + logBytes, 0)) / GB,
  };
}
