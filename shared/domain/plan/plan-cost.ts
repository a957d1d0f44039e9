import type { CascadeNode } from '../cause/cascade.ts';
import { MINUTE_MS } from '../common/time.ts';
import type { PlanForecast } from './plan-forecast.ts';

/** Prices in USD per unit. */
export interface PlanPrices {
  /** A state transition of a standard workflow. */
  readonly transition: number;
  /** One build minute, by machine type. */
  readonly minutes: Readonly<Record<string, number>>;
}

/** The forecast cost of a plan in USD. */
export interface PlanCost {
  /** What the builds cost on that machine type. The teams pay this, not Patchwave. */
  readonly builds: Readonly<Record<string, { readonly atLeastUsd: number; readonly atMostUsd: number }>>;
  /** Patchwave's own state transitions if all goes well. Functions and requests come on top. */
  readonly transitions: number;
  readonly transitionsUsd: number;
}

/** States entered if all goes well and each wait takes one round; start and end of a child are two more. */
const ENTERED = { cascade: 7, wave: 1, rebuild: 14, promotion: 2, deploy: 7 } as const;

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
