import { counted } from '../../shared/domain/common/counted.ts';
import { MINUTE_MS } from '../../shared/domain/common/time.ts';
import type { PlanCost } from '../../shared/domain/plan/plan-cost.ts';
import type { PlanForecast, Span, WaveForecast } from '../../shared/domain/plan/plan-forecast.ts';
import { fitted, type TableColumn, table } from '../output.ts';

/** `12 min`, `24 to 31 min`; `up to 180 min` if no minimum is known. */
export function spanText({ atLeastMs, atMostMs }: Span): string {
  const [least, most] = [minutes(atLeastMs), minutes(atMostMs)];
  if (atLeastMs === 0 && atMostMs > 0) return `up to ${most} min`;
  return least === most ? `${most} min` : `${least} to ${most} min`;
}

const minutes = (ms: number): number => (ms > 0 ? Math.max(Math.round(ms / MINUTE_MS), 1) : 0);

/** `3 workloads in 2 accounts`. */
export const reachText = ({
  workloads,
  accounts,
}: {
  readonly workloads: number;
  readonly accounts: number;
}): string => (workloads === 0 ? '-' : `${counted(workloads, 'workload')} in ${counted(accounts, 'account')}`);

/** The whole plan in one line. */
export function forecastLine({ waves, builds, withoutHistory, ...plan }: PlanForecast): string {
  const built = withoutHistory > 0 ? `, ${withoutHistory} of them for streams without earlier builds` : '';
  const reach = plan.workloads > 0 ? reachText(plan) : 'no running workload';
  const inWaves = waves.length > 1 ? ` in ${waves.length} waves` : '';
  return `expected: ${spanText(plan)}${inWaves}, ${counted(builds, 'build')}${built}; reaches ${reach}`;
}

export const wavesTable = (waves: readonly WaveForecast[]): string => table(waves, WAVES);

const number = (title: string, of: (wave: WaveForecast) => number): TableColumn<WaveForecast> => ({
  title,
  value: (wave) => String(of(wave)),
  align: 'right',
});

const WAVES: readonly TableColumn<WaveForecast>[] = [
  number('wave', ({ wave }) => wave + 1),
  number('streams', ({ streams }) => streams),
  number('builds', ({ builds }) => builds),
  number('first builds', ({ withoutHistory }) => withoutHistory),
  { title: 'expected', value: spanText },
  { title: 'reaches', value: reachText },
];

/** Build cost for each machine with a known price, and Patchwave's own cost. */
export function costLines({ builds, transitions, transitionsUsd }: PlanCost, { building }: PlanForecast): string {
  const each = Object.entries(builds).map(([machine, { atLeastUsd, atMostUsd }]) => {
    const [least, most] = [usd(atLeastUsd), usd(atMostUsd)];
    const cost = atLeastUsd === 0 ? `up to USD ${most}` : `USD ${least === most ? most : `${least} to ${most}`}`;
    return `${cost} on ${machine}`;
  });
  const lines = [
    `total build time ${spanText(building)}; CodeBuild in the pipeline accounts costs ${each.join(', or ')}`,
    `Patchwave itself: at least ${transitions} state transitions, USD ${usd(transitionsUsd)}; functions and requests cost extra`,
  ];
  return fitted(lines.join('\n'), 2);
}

/** Amounts below a tenth of a cent are not shown in full. */
const usd = (amount: number): string => (amount > 0 && amount < 0.001 ? 'under 0.001' : amount.toFixed(3));
