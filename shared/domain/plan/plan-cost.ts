import type { CascadeNode } from '../cause/cascade.ts';
import { MINUTE_MS } from '../common/time.ts';
import type { PlanForecast } from './plan-forecast.ts';

/** USD for one unit each. */
export interface PlanPrices {
  /** A state transition of a standard workflow. */
  readonly transition: number;
  /** A minute of building, by machine. */
  readonly minutes: Readonly<Record<string, number>>;
}

/** What a plan costs in USD, as far as that can be told beforehand. */
export interface PlanCost {
  /** What builds take, if they ran on that machine: the teams' own, not Patchwave's. */
  readonly builds: Readonly<Record<string, { readonly atLeastUsd: number; readonly atMostUsd: number }>>;
  /** Patchwave's own state transitions where all goes well; its functions and requests come on top. */
  readonly transitions: number;
  readonly transitionsUsd: number;
}

/** States that are entered where all goes well and each is waited for once; a child's start and end are two more. */
const ENTERED = { cascade: 7, wave: 1, rebuild: 15, promotion: 2, deploy: 7 } as const;

export function costOfPlan(
  nodes: readonly (Pick<CascadeNode, 'work'> & { readonly promotes: boolean })[],
  { building, waves }: Pick<PlanForecast, 'building' | 'waves'>,
  prices: PlanPrices,
): PlanCost {
  const each = nodes.map(({ work, promotes }) =>
    work === 'deploy' ? ENTERED.deploy : ENTERED.rebuild + (promotes ? ENTERED.promotion : 0),
  );
  const transitions =
    nodes.length === 0
      ? 0
      : each.reduce<number>((sum, one) => sum + one, ENTERED.cascade + ENTERED.wave * waves.length);
  const usd = (ms: number, minute: number): number => (ms / MINUTE_MS) * minute;
  return {
    builds: Object.fromEntries(
      Object.entries(prices.minutes).map(([machine, minute]) => [
        machine,
        { atLeastUsd: usd(building.atLeastMs, minute), atMostUsd: usd(building.atMostMs, minute) },
      ]),
    ),
    transitions,
    transitionsUsd: transitions * prices.transition,
  };
}
