import type { CascadeNode } from '../../../../shared/domain/cause/cascade.ts';
import type { CauseFact } from '../../../../shared/domain/cause/cause.ts';
import type { CascadePlan, PlanContext } from '../../../../shared/domain/plan/plan-model.ts';
import { fc } from '../../../support/seeded.ts';
import { HOUR, NOW } from '../arbitraries.ts';
import { anyFleet, CALM, calmFleet, sketchOf } from '../lineage/any-fleets.ts';
import { fact, movedFact, planLines, planOf, type StreamSketch, type TierFleet } from './tier-plans.ts';

/* A ramp slows a fleet down, and never stops it. */

const RUNS = { numRuns: 500 };

/** What takes a place of the ramp. */
const begunIn = ({ nodes }: CascadePlan): readonly CascadeNode[] =>
  nodes.filter(({ work, follows }) => work === 'rebuild' && !follows);

/** The head of its parent is newer than its own, and has stood longer than the parent's finding. */
const older = (parent: string): StreamSketch => ({
  on: [parent],
  staleParent: [parent],
  cause: [{ ...movedFact(parent), sinceEpochMs: NOW - 3 * 24 * HOUR }],
});
const AT_FAULT: StreamSketch = { has: [fact], cause: [fact] };

test.each<[string, TierFleet, Partial<PlanContext>, readonly string[]]>([
  [
    'what is built on a base at fault, though its cause is older',
    { base: AT_FAULT, 'platform-a': older('base'), 'platform-b': older('base') },
    { ramp: 1 },
    ['base: 0 / CVE-1', 'platform-a: 1 base / base-moves', 'platform-b: 1 base / base-moves'],
  ],
  [
    'as much of it as there are places',
    { base: AT_FAULT, 'platform-a': older('base'), 'platform-b': older('base') },
    { ramp: 2 },
    ['base: 0 / CVE-1', 'platform-a: 1 base / base-moved base-moves', 'platform-b: 1 base / base-moves'],
  ],
  [
    'what stands three tiers above it',
    { base: AT_FAULT, platform: older('base'), app: older('platform') },
    { ramp: 2 },
    ['base: 0 / CVE-1', 'platform: 1 base / base-moved base-moves', 'app: 2 platform / platform-moves'],
  ],
  [
    'no stream that waits for a parent which is on hold',
    { base: { ...AT_FAULT, but: { mode: 'paused' } }, 'platform-a': older('base'), 'platform-b': AT_FAULT },
    { ramp: 1 },
    ['platform-b: 0 / CVE-1', 'base: wait paused', 'platform-a: wait parent-on-hold'],
  ],
])('the ramp lets a parent begin before %s', (...[, fleet, context, expected]) => {
  expect(planLines(planOf(fleet, { followParents: true, ...context }))).toEqual(expected);
});

test('a ramp fills every place with streams that start, after all that they wait for', () => {
  const seen = { places: 0, waiting: 0 };
  fc.assert(
    fc.property(anyFleet, fc.integer({ min: 1, max: 4 }), fc.boolean(), (fleet, ramp, followParents) => {
      const context = { ...CALM, followParents };
      const plan = planOf(fleet, { ...context, ramp });
      const begun = begunIn(plan);
      const unlimited = begunIn(planOf(fleet, context));
      expect(begun).toHaveLength(Math.min(ramp, unlimited.length));
      const planned = new Set(plan.nodes.map(({ stream }) => stream));
      for (const { parents = [] } of begun) expect(parents.filter((parent) => !planned.has(parent))).toEqual([]);
      const waiting = [...plan.answers.values()].filter(({ reason }) => reason === 'cap-reached');
      if (begun.length < ramp) expect(waiting).toEqual([]);
      seen.places += begun.length;
      seen.waiting += waiting.length;
    }),
    RUNS,
  );
  expect(Math.min(seen.places, seen.waiting)).toBeGreaterThan(100);
});

/** The next day: what was built holds nothing, and what is built on it and was not built is built on an older image. */
function afterwards(fleet: TierFleet, { nodes, settled }: CascadePlan): TierFleet {
  const built = new Set(nodes.map(({ stream }) => stream));
  return Object.fromEntries(
    Object.entries(fleet).map(([stream, { cause: _, ...sketch }]): [string, StreamSketch] => {
      if (built.has(stream)) return [stream, { ...sketch, has: [], staleParent: [] }];
      const moved = (sketch.on ?? []).filter((parent) => built.has(parent));
      const staleParent = [...new Set([...((sketch.staleParent ?? []) as string[]), ...moved])];
      const gone = new Set(settled.get(stream) ?? []);
      const left = (sketchOf(fleet, stream).cause ?? []).filter((one) => !gone.has(one));
      const others = left.filter((one) => one.kind !== 'parent-moved' || !moved.includes(one.parent));
      const cause: readonly CauseFact[] = [...others, ...moved.map(movedFact)];
      return [stream, { ...sketch, staleParent, ...(cause.length > 0 && { cause }) }];
    }),
  );
}

test('with any ramp, a fleet without obstacles is finished in the end', () => {
  const seen = { days: 0 };
  fc.assert(
    fc.property(calmFleet, fc.integer({ min: 1, max: 3 }), (drawn, ramp) => {
      let fleet = drawn;
      for (let day = 0; ; day += 1) {
        const plan = planOf(fleet, { ...CALM, ramp, followParents: true });
        if (plan.nodes.length === 0) {
          expect([...plan.answers.values()]).toEqual([]);
          return;
        }
        expect(begunIn(plan).length).toBeGreaterThan(0);
        expect(begunIn(plan).length).toBeLessThanOrEqual(ramp);
        // Each stream begins once a day at most, and no tier above another one longer than that is built.
        expect(day).toBeLessThan(2 * Object.keys(fleet).length ** 2);
        fleet = afterwards(fleet, plan);
        seen.days += 1;
      }
    }),
    RUNS,
  );
  expect(seen.days).toBeGreaterThan(RUNS.numRuns);
});
