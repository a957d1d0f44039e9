import { costOfPlan } from '../../../../shared/domain/plan/plan-cost.ts';
import { definitionText, type Machine, type State } from '../../../statemachines/machine.ts';

const MINUTE_MS = 60_000;
const PRICES = { transition: 0.000025, minutes: { small: 0.005 } };
const building = { atLeastMs: 10 * MINUTE_MS, atMostMs: 70 * MINUTE_MS };
const span = { atLeastMs: 0, atMostMs: 0 };
const wave = (at: number) => ({
  wave: at,
  streams: 1,
  builds: 1,
  withoutHistory: 0,
  workloads: 0,
  accounts: 0,
  ...span,
});

test('builds cost by their minutes, unknown ones by their limit', () => {
  const { builds } = costOfPlan([{ work: 'rebuild', promotes: false }], { building, waves: [wave(0)] }, PRICES);
  expect(builds.small?.atLeastUsd).toBeCloseTo(0.05);
  expect(builds.small?.atMostUsd).toBeCloseTo(0.35);
});

test('an empty plan costs nothing', () => {
  expect(costOfPlan([], { building: span, waves: [] }, PRICES)).toMatchObject({ transitions: 0, transitionsUsd: 0 });
});

const machine: Machine = JSON.parse(definitionText('rebuild-cascade'));
const nodes = machine.States.RunWaves?.ItemProcessor?.States.RunNodes?.ItemProcessor;

/** How many states are entered on the shortest way through all of `stops`. */
function entered({ States }: Pick<Machine, 'States'>, ...stops: readonly string[]): number {
  const next = ({ Next, Default, Choices = [] }: State): string[] =>
    [Next, Default, ...Choices.map((choice) => choice.Next)].filter((name) => name !== undefined);
  return stops.slice(1).reduce((count, stop, at) => {
    const away = new Map([[stops[at] ?? '', 0]]);
    for (const [name, distance] of away)
      for (const one of next(States[name] ?? { Type: 'none' })) if (!away.has(one)) away.set(one, distance + 1);
    return count + (away.get(stop) ?? Number.NaN);
  }, 1);
}

test.each([
  [
    { work: 'rebuild', promotes: false },
    ['ReserveStream', 'StartBuild', 'FindOutput', 'CheckScan', 'SettleNode', 'CompleteNode'],
  ],
  [
    { work: 'rebuild', promotes: true },
    ['ReserveStream', 'StartBuild', 'FindOutput', 'CheckScan', 'PromoteOutput', 'SettleNode', 'CompleteNode'],
  ],
  [{ work: 'deploy', promotes: false }, ['ReserveStream', 'SettleNode', 'CompleteNode']],
] as const)('the transitions of %j are those of the machine if all goes well', (node, stops) => {
  if (!nodes) throw new Error('the machine has no nodes');
  const own = entered(machine, 'OpenCascade', 'PlanRollout', 'CloseCascade', 'CompleteCascade');
  const child = entered(nodes, ...stops) + 2;
  const waves = [wave(0), wave(1)];
  expect(costOfPlan([node, node], { building, waves }, PRICES).transitions).toBe(own + waves.length + 2 * child);
});
