import { counted } from '../common/counted.ts';
import { type NegativeDecision, wait } from '../guard/guard-answer.ts';
import type { PlannedTiers } from './follow-roots.ts';
import type { PlanContext } from './plan-model.ts';
import type { RootAnswer } from './plan-roots.ts';

/** What begins, and what that comes to. */
export interface Ramped {
  readonly roots: ReadonlyMap<string, RootAnswer>;
  readonly planned: PlannedTiers;
}

/**
 * Holds back what is beyond the policy's ramp. The ramp counts streams that really start in the plan: it never counts
 * one that waits for another stream or is refused. The stream with the oldest cause comes first, after all streams that
 * start below it, so that no place is taken by a stream that waits for one without a place.
 * @param roots what the guards say, oldest cause first
 * @param planTiers the plan where exactly the roots that are allowed begin
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
    // Each turn holds back at least one more stream.
    allowed = new Map(
      Array.from(allowed, ([stream, answer]) => [stream, isBeyond.has(stream) ? beyondRamp(ramp) : answer]),
    );
  }
}

/** Oldest cause first. What began within the last day is no further begin. */
const startingIn = (
  { nodes }: PlannedTiers,
  roots: Ramped['roots'],
  begunToday: PlanContext['begunToday'],
): readonly string[] =>
  [...roots.keys()].filter((stream) => {
    const node = nodes.get(stream);
    return node !== undefined && !node.follows && !begunToday.has(stream);
  });

/** As many as there are places; whichever is admitted, all that start below it are admitted before. */
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

/** A stream of the plan and all that it waits for there, wave by wave. */
function fromBelow(stream: string, { nodes }: PlannedTiers): readonly string[] {
  const found = new Set([stream]);
  // A set is walked through to what is added meanwhile, too.
  for (const one of found) {
    const { parents = [], facts = [] } = nodes.get(one) ?? {};
    const moved = facts.flatMap((fact) => (fact.kind === 'parent-moved' ? fact.parent : []));
    for (const parent of [...parents, ...moved]) if (nodes.has(parent)) found.add(parent);
  }
  const waveOf = (one: string): number => nodes.get(one)?.wave ?? 0;
  return [...found].sort((one, other) => waveOf(one) - waveOf(other));
}

const beyondRamp = (most: number): NegativeDecision =>
  wait('cap-reached', `The policy's ramp allows ${counted(most, 'new stream')} a day.`);
