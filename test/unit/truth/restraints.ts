import type { Mode } from '../../../shared/domain/policy/policy.ts';
import type { Clockwork } from './clockwork.ts';
import type { Features } from './features.ts';
import type { Line, PolicyState } from './fleet.ts';

const MINUTE_MS = 60_000;
/** From the mildest to the strictest. */
const MODES: readonly Mode[] = ['enforce', 'report-only', 'paused'];

/** What people let Patchwave do from an instant on. */
export interface Restraints {
  readonly policy: PolicyState;
  /** Everything is stopped. */
  readonly isPaused: boolean;
  readonly sinceEpochMs: number;
}

/**
 * The strictest mode that people set for an action.
 * @param reached accounts that the action reaches beside that of the line's registry
 */
export function modeOf({ mode = 'report-only', ...policy }: PolicyState, line: Line, reached: readonly string[]): Mode {
  if (policy.unruled?.has(line.name)) return 'report-only';
  const set = [
    ...[mode, policy.modes.get(line.name), policy.tiers.get(line.tier)],
    ...[line.location.account, ...reached].map((account) => policy.accounts.get(account)),
  ];
  return MODES[Math.max(...set.map((one) => (one === undefined ? 0 : MODES.indexOf(one))))] ?? mode;
}

/** Why people let nothing begin; nothing where they do. */
export function whyHeld({ policy, isPaused }: Restraints, line: Line, reached: readonly string[]): string | undefined {
  if (isPaused) return 'though a person stopped everything';
  const mode = modeOf(policy, line, reached);
  return mode === 'enforce' ? undefined : `though it is ${mode}`;
}

interface Span {
  readonly fromEpochMs: number;
  readonly toEpochMs: number;
}

/** A call may reach AWS so long after its step asked what it may do, where calls are slow. */
const CALL_MS = MINUTE_MS;

/** The time in which a step that calls now asked what it may do. */
export const callSpan = ({
  clockwork: { now },
  features,
}: {
  readonly clockwork: Clockwork;
  readonly features: Features;
}): Span => ({
  fromEpochMs: features.has('slow-calls') ? now - CALL_MS : now,
  toEpochMs: now,
});

/** Why something was on hold all through a span; nothing where it was let begin at any instant of it. */
export function heldThroughout(
  all: readonly Restraints[],
  { fromEpochMs, toEpochMs }: Span,
  whyNot: (restraints: Restraints) => string | undefined,
): string | undefined {
  const whys = all
    .filter(({ sinceEpochMs }, at) => {
      const endsAtEpochMs = all[at + 1]?.sinceEpochMs ?? Number.POSITIVE_INFINITY;
      return sinceEpochMs <= toEpochMs && endsAtEpochMs > fromEpochMs;
    })
    .map(whyNot);
  return whys.every((why) => why !== undefined) ? whys.at(-1) : undefined;
}
