/** Streams that are built on one another, with what becomes of each, as `streamTree` gives them. */

import type { PlannedWork, StreamOnHold } from '../../../cli/plan/plan-now.ts';
import type { Mark, TreeStream } from '../../../cli/plan/plan-tree.ts';
import { node } from '../../support/rebuild-samples.ts';

const MINUTE_MS = 60_000;

export const idOf = (name: string): string => `111122223333/eu-west-1/${name}:^v.*$`;

function plannedWork(wave: number, changes: Partial<PlannedWork> = {}): PlannedWork {
  return {
    ...{ stream: '', work: 'rebuild', wave, parents: [], facts: [], holders: [], unguarded: false, headUnknown: false },
    ...{ workloads: [], accounts: [], left: [] },
    ...changes,
  };
}

export function planned(wave: number, minutes = 6, changes: Partial<PlannedWork> = {}): Mark {
  const span = { atLeastMs: minutes * MINUTE_MS, atMostMs: minutes * MINUTE_MS };
  return {
    kind: 'planned',
    work: plannedWork(wave, { expected: { ...span, build: span, hasHistory: true }, ...changes }),
  };
}

/** Nothing is built. */
export const DEPLOYED: Mark = { kind: 'planned', work: plannedWork(0, { work: 'deploy' }) };

export const held = (answer: 'wait' | 'refuse', reason: StreamOnHold['reason'], detail = 'It cools down.'): Mark => ({
  kind: 'held',
  held: { stream: '', facts: [], answer, reason, detail } as StreamOnHold,
});

export const UNDER_WAY: Mark = { kind: 'in-progress', node: node('abc-g1', 'any', { state: 'building' }) };
export const UNTOUCHED: Mark = { kind: 'untouched' };

export const tree = (tier: TreeStream['tier'], name: string, mark: Mark, ...parents: string[]): TreeStream => ({
  ...{ stream: idOf(name), tier, mark },
  parents: parents.map(idOf),
});

/** A base at fault with a diamond, what is on hold and what is not touched, and two trees in which nothing is done. */
export const DIAMOND: readonly TreeStream[] = [
  tree('base', 'base/debian', planned(0, 12)),
  tree('base', 'base/alpine', UNTOUCHED),
  tree('platform', 'platform/java', planned(1, 9), 'base/debian'),
  tree('platform', 'platform/node', planned(1, 7), 'base/debian'),
  tree('platform', 'platform/go', UNTOUCHED, 'base/alpine'),
  tree('application', 'apps/cart', planned(2, 4, { workloads: ['ecs-service a', 'ecs-service b'] }), 'platform/node'),
  tree('application', 'apps/gateway', planned(2), 'platform/java', 'platform/node'),
  tree('application', 'apps/orders', held('wait', 'cool-down'), 'platform/java'),
  tree('application', 'apps/search', held('refuse', 'attempts-exhausted'), 'platform/java'),
  tree('application', 'apps/shop', UNDER_WAY, 'platform/node'),
  tree('application', 'apps/site', DEPLOYED, 'platform/node'),
  tree('application', 'apps/tool', UNTOUCHED, 'platform/node'),
  tree('application', 'apps/worker', UNTOUCHED, 'platform/go'),
];

/** One base, and below it so many platforms with so many applications each. */
export const fleetTree = (platforms: number, applications: number): readonly TreeStream[] => [
  tree('base', 'base', planned(0)),
  ...Array.from({ length: platforms }, (_, n) => tree('platform', `platform-${n}`, planned(1), 'base')),
  ...Array.from({ length: platforms * applications }, (_, n) => {
    const mark = n % 5 === 0 ? held('wait', 'cap-reached') : planned(2);
    return tree('application', `apps/app-${n}`, mark, `platform-${n % platforms}`);
  }),
];
