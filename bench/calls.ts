import type { CallCount } from '../local/cloud/admin-types.ts';
import { counted } from '../shared/domain/common/counted.ts';
import { callKey, isOfRole } from './counted.ts';
import { type Calls, leastCalls, sumOf } from './least-calls.ts';
import { type MeasuredDay, measuredDays } from './measured-days.ts';
import type { BenchReport, Row } from './report.ts';

/** Multiple of the least: leaves room for calls that two steps both need. */
const MOST = 1.02;
/** Services whose calls count against the budget, except those that the least counts separately. */
const BUDGETED_SERVICES = ['ecs', 'eks', 'kubernetes', 'ecr'];

/** The calls of two reviews, compared with the least for the fleet file. */
export async function callsBenchmark(): Promise<BenchReport> {
  const { fleet, first, steady } = await measuredDays();
  const rows = [first, steady].flatMap((measured) => {
    const least = leastCalls(fleet, measured.day);
    return dayRows(measured.day.name, least, countedCalls(measured.calls));
  });
  return {
    benchmark: 'calls',
    question: 'AWS calls of a review, compared with the minimum that follows from the fleet file alone',
    rows,
    notes: [
      `${describe(first)} on the first day; the steady day is the next one, without changes and with every scan due again`,
      'a new index is read in one call and its images in a second one; no call returns both',
      'outside the budget: roles, organization, config blobs, ledger, files, queues, events and invocations',
    ],
  };
}

/** Calls of roles by `service:operation`; root makes the calls that set the fleet up. */
export function countedCalls(calls: readonly CallCount[]): Calls {
  const counted = new Map<string, number>();
  for (const call of calls.filter(isOfRole)) counted.set(callKey(call), (counted.get(callKey(call)) ?? 0) + call.count);
  return counted;
}

/** Each operation, the sum with the budget, then operations outside the budget. */
export function dayRows(day: string, { budgeted, apart }: ReturnType<typeof leastCalls>, counted: Calls): Row[] {
  const isBudgeted = (key: string) =>
    budgeted.has(key) || (BUDGETED_SERVICES.includes(key.split(':')[0] ?? '') && !apart.has(key));
  const within = [...new Set([...budgeted.keys(), ...[...counted.keys()].filter(isBudgeted)])];
  const others = [...new Set([...apart.keys(), ...[...counted.keys()].filter((key) => !isBudgeted(key))])];
  const row = (key: string, reference: number | undefined): Row => ({
    figure: `${day} day: ${key}`,
    measured: counted.get(key) ?? 0,
    unit: 'calls',
    ...(reference !== undefined && { reference }),
  });
  const measured = within.reduce((sum, key) => sum + (counted.get(key) ?? 0), 0);
  return [
    ...within.map((key) => row(key, budgeted.get(key) ?? 0)).filter(isSomething),
    { figure: `${day} day: sum`, measured, unit: 'calls', reference: sumOf(budgeted), budget: MOST },
    ...others
      .sort()
      .map((key) => row(key, apart.get(key)))
      .filter(isSomething),
  ];
}

const isSomething = ({ measured, reference = 0 }: Row): boolean => measured > 0 || reference > 0;

function describe({ review }: MeasuredDay): string {
  const { tasks = 0, clusters = 0 } = review.totals?.inventory ?? {};
  return `${counted(tasks, 'task')} in ${counted(clusters, 'cluster')}, ${counted(review.totals?.found ?? 0, 'image')} in use`;
}
