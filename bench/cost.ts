import { readFile } from 'node:fs/promises';
import { ROOT } from '../scripts/setup.mjs';
import type { ReviewRecord } from '../shared/domain/review/run.ts';
import { prices } from '../shared/prices.ts';
import {
  type BilledResources,
  type CostLine,
  dayCost,
  type Growth,
  grown,
  monthlyCost,
  totalOf,
} from './cost-model.ts';
import { dayUse, useBeside } from './day-use.ts';
import { type MeasuredDays, type MeasuredSpan, measuredDays } from './measured-days.ts';
import { measuredRebuild } from './measured-rebuild.ts';
import { readmeCosts } from './readme-costs.ts';
import type { BenchReport, Row } from './report.ts';
import { templateDefaults } from './template-defaults.ts';

const IMAGES = 10_000;
const USAGES = 30_000;
/** USD a day and a month. */
const DAY_BUDGET = 0.2;
const MONTH_BUDGET = 20;
/** The part that is new each day in a fleet that is rebuilt once in 30 days. */
const NEW_SHARE = 1 / 30;
const NEW_IMAGES = Math.ceil(IMAGES * NEW_SHARE);
const MINUTES_A_DAY = 24 * 60;
/** For this long after a review the planner reads the images of each open cause, with any answer. */
const AFTER_REVIEW_MINUTES = 30;
/** USD a day, where every stream waits with an open cause in a fleet that only reports. */
const PLANNER_BUDGET = 0.15;
/** A figure of README.md may be this much too low: quiet and busy machines differ by this much. */
const MOST_ABOVE_README = 1.25;
const RUN_FILES_KEPT_DAYS = 7;
const GB = 1e9;

/** The daily cost of a review of 10,000 images, and the monthly cost of all resources. */
export async function costBenchmark(): Promise<BenchReport> {
  const days = await measuredDays();
  const growth = growthOf(days);
  const steady = dayCost(grown(dayUse(days.steady, days.functionsByRole), growth), prices.prices);
  const running = dayCost(grown(dayUse(days.steady, days.functionsByRole), runningGrowthOf(days)), prices.prices);
  const first = dayCost(grown(dayUse(days.first, days.functionsByRole), growth), prices.prices);
  const costOf = (plan: MeasuredSpan) =>
    totalOf(dayCost(grown(useBeside(plan, days.functionsByRole), growth), prices.prices));
  const planMinutes = Number((await templateDefaults(['PlanMinutes'])).PlanMinutes);
  const [plans, plansAfterReview] = [MINUTES_A_DAY / planMinutes, AFTER_REVIEW_MINUTES / planMinutes];
  const [afterReview, atRest] = [costOf(days.planAfterReview), costOf(days.planAtRest)];
  const { rebuild, functionsByRole } = await measuredRebuild();
  const oneRebuild = totalOf(dayCost(useBeside(rebuild, functionsByRole), prices.prices));
  const month = monthlyCost(await billedResourcesOf(days, growth), prices.prices);
  const changing = totalOf(steady) + NEW_SHARE * totalOf(first);
  const planner = plansAfterReview * afterReview + (plans - plansAfterReview) * atRest;
  const plannerAtMost = plans * afterReview;
  const published = await readmeCosts();
  const readmeRow = (figure: string, measured: number, reference: number): Row => ({
    ...{ figure: `README: ${figure}`, measured, reference },
    ...{ unit: 'USD', budget: MOST_ABOVE_README },
  });
  return {
    benchmark: 'cost',
    question: `cost of ${IMAGES} images and ${USAGES} usages in ${days.fleet.accounts.length} accounts (USD)`,
    rows: [
      ...steady.map(line('a steady day')),
      { figure: 'a steady day', measured: totalOf(steady), unit: 'USD', budget: DAY_BUDGET },
      {
        figure: `a steady day, ${IMAGES} running images plus their ancestors`,
        measured: totalOf(running),
        unit: 'USD',
      },
      { figure: 'a day on which 1/30 of the images is new', measured: changing, unit: 'USD' },
      { figure: 'the first day', measured: totalOf(first), unit: 'USD' },
      {
        figure: `the planner on its schedule, ${plans} plans a day`,
        measured: planner,
        unit: 'USD',
        budget: PLANNER_BUDGET,
      },
      {
        figure: 'the planner on its schedule, in `enforce`, if every stream waits for a fix, a parent or a person',
        measured: plannerAtMost,
        unit: 'USD',
      },
      { figure: 'a rebuild', measured: oneRebuild, unit: 'USD' },
      { figure: `${NEW_IMAGES} rebuilds a day`, measured: NEW_IMAGES * oneRebuild, unit: 'USD' },
      ...month.map(line('a month')),
      { figure: 'a month, fixed', measured: totalOf(month), unit: 'USD', budget: MONTH_BUDGET },
      readmeRow('a steady day', totalOf(steady), published.steadyDay),
      readmeRow('a day on which 1/30 of the images is new', changing, published.changingDay),
      readmeRow('the planner on its schedule', planner, published.planner),
      readmeRow(
        'the planner on its schedule, in `enforce`, if every stream waits for a fix, a parent or a person',
        plannerAtMost,
        published.plannerAtMost,
      ),
      readmeRow('a rebuild', oneRebuild, published.rebuild),
      readmeRow('a month', totalOf(month), published.month),
    ],
    notes: [
      `measured with ${foundIn(days)} images, ${belowIn(days.steady.review)} of them ancestors, and ${usagesIn(days)} usages`,
      'in the same number of accounts and Regions, then scaled',
      'a steady day: nothing is new, and every scan is due again; with the plan after the review, without later plans on the schedule, and without rebuilds',
      'the planner on its schedule: every stream waits with an open cause; without open causes the planner reads almost nothing',
      'a rebuild: one stream by manual request, with its plans, cascade and rollout; without its build',
      'an upper bound: assumes that calls of a function run one after another, and deducts no free tier',
      `prices: shared/prices.json, ${prices.region}; prices from secondary sources are marked there`,
    ],
  };
}

const line =
  (when: string) =>
  ({ what, usd }: CostLine): Row => ({ figure: `${when}: ${what}`, measured: usd, unit: 'USD' });

/** Running images and their ancestors: a review scans and judges both. */
const foundIn = ({ steady: { review } }: MeasuredDays): number => runningIn(review) + belowIn(review);
const runningIn = ({ totals }: ReviewRecord): number => totals?.found ?? 0;
const belowIn = ({ totals }: ReviewRecord): number => totals?.ancestors?.found ?? 0;
const usagesIn = ({ steady }: MeasuredDays): number => steady.review.totals?.inventory.usages ?? 0;

const runningGrowthOf = (days: MeasuredDays): Growth => ({
  ...growthOf(days),
  images: IMAGES / runningIn(days.steady.review),
});

const growthOf = (days: MeasuredDays): Growth => ({ images: IMAGES / foundIn(days), usages: USAGES / usagesIn(days) });

async function billedResourcesOf(
  { first, steady, functionsByRole, stored }: MeasuredDays,
  growth: Growth,
): Promise<BilledResources> {
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
