import { MODES, type Mode } from '../../../shared/domain/policy.ts';
import type { Line, PolicyState } from './fleet.ts';

/** What people let Patchwave do from an instant on. */
export interface Restraints {
  readonly policy: PolicyState;
  readonly sinceEpochMs: number;
}

/**
 * The strictest mode that people set for an action.
 * @param reached accounts that the action reaches beside that of the line's registry
 */
export function modeOf({ mode = 'report-only', ...policy }: PolicyState, line: Line, reached: readonly string[]): Mode {
  const set = [
    ...[mode, policy.modes.get(line.name), policy.tiers.get(line.tier)],
    ...[line.location.account, ...reached].map((account) => policy.accounts.get(account)),
  ];
  return MODES[Math.max(...set.map((one) => (one === undefined ? 0 : MODES.indexOf(one))))] ?? mode;
}

/** All that held at some time between two instants. */
export const restraintsBetween = (
  all: readonly Restraints[],
  fromEpochMs: number,
  toEpochMs: number,
): readonly Restraints[] =>
  all.filter(
    ({ sinceEpochMs }, at) =>
      sinceEpochMs <= toEpochMs && (all[at + 1]?.sinceEpochMs ?? Number.POSITIVE_INFINITY) >= fromEpochMs,
  );
