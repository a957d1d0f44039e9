import { rampReached } from '../guard/guard-answer.ts';
import type { PlannedTiers } from './follow-roots.ts';
import type { PlanContext } from './plan-model.ts';
import type { RootAnswer } from './plan-roots.ts';

/** The streams that start, and the resulting plan. */
export interface Ramped {
  readonly roots: ReadonlyMap<string, RootAnswer>;
  readonly planned: PlannedTiers;
}

/**
 * Puts the streams beyond the policy's ramp on hold. The ramp counts only streams that really start in the plan, not
 * those that wait or are refused. The stream with the oldest cause comes first, after all streams that must start below
 * it, so a waiting stream takes no place.
 * @param roots what the guards say, oldest cause first
 * @param planTiers the plan in which exactly the allowed roots begin
 */
export function withinRamp(
  roots: Ramped['roots'],
  planTiers: (roots: Ramped['roots']) => PlannedTiers,
  { ramp = Number.POSITIVE_INFINITY, begunToday }: Pick<PlanContext, 'ramp' | 'begunToday'>,
): Ramped {
  const places = Math.max(ramp - begunToday.size, 0);
  for (let allowed = roots; ; ) {
    const planned = planTiers(allowed);
    const starting = startingIn(planned, allowed, begunToday);
    if (starting.length <= places) return { roots: allowed, planned };
    const admitted = firstOf(starting, planned, places);
    const isBeyond = new Set(starting.filter((stream) => !admitted.has(stream)));
    // Each round puts at least one more stream on hold.
    allowed = new Map(
      Array.from(allowed, ([stream, answer]) => [stream, isBeyond.has(stream) ? rampReached(ramp) : answer]),
    );
  }
}

/** Oldest cause first. A stream that started within the last day is no new start. */
const startingIn = (
  { nodes }: PlannedTiers,
  roots: Ramped['roots'],
  begunToday: PlanContext['begunToday'],
): readonly string[] =>
  [...roots.keys()].filter((stream) => {
    const node = nodes.get(stream);
    return node !== undefined && !node.follows && !begunToday.has(stream);
  });

/** Fills the free places. A stream is admitted only after all that must start below it. */
function firstOf(starting: readonly string[], planned: PlannedTiers, places: number): ReadonlySet<string> {
  const isStarting = new Set(starting);
  const admitted = new Set<string>();
  for (const stream of starting) {
    for (const one of fromBelow(stream, planned)) {
      if (admitted.size >= places) return admitted;
      if (isStarting.has(one)) admitted.add(one);
    }
  }
  return admitted;
}

/** A stream of the plan and all streams that it waits for, wave by wave. */
function fromBelow(stream: string, { nodes }: PlannedTiers): readonly string[] {
  const found = new Set([stream]);
  // The loop also visits elements added during it.
  for (const one of found) {
    const { parents = [], facts = [] } = nodes.get(one) ?? {};
    const moved = facts.flatMap((fact) => (fact.kind === 'parent-moved' ? fact.parent : []));
    for (const parent of [...parents, ...moved]) if (nodes.has(parent)) found.add(parent);
  }
  const waveOf = (one: string): number => nodes.get(one)?.wave ?? 0;
  return [...found].sort((one, other) => waveOf(one) - waveOf(other));
}
