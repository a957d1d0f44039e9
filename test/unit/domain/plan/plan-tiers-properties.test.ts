import type { CascadeNode } from '../../../../shared/domain/cause/cascade.ts';
import { type CauseFact, factKey } from '../../../../shared/domain/cause/cause.ts';
import { planCascade } from '../../../../shared/domain/plan/plan.ts';
import { type CascadePlan, NO_TIERS, type PlannedStream } from '../../../../shared/domain/plan/plan-model.ts';
import { fc } from '../../../support/seeded.ts';
import { digestOf, NOW } from '../arbitraries.ts';
import { anyContext, anyFleet, CALM, calmFleet, holds, NAMES, sketchOf } from '../lineage/any-fleets.ts';
import { inputOf, planOf, type TierFleet } from './tier-plans.ts';

const RUNS = { numRuns: 600 };

test('a plan is topological: every stream once, after all its parents', () => {
  fc.assert(
    fc.property(anyFleet, anyContext, (fleet, context) => {
      const { nodes, cascade } = planOf(fleet, context);
      const waves = new Map(nodes.map(({ stream, wave }) => [stream, wave]));
      expect(waves.size).toBe(nodes.length);
      expect(cascade?.streams ?? 0).toBe(nodes.length);
      for (const { stream, wave, parents = [], work } of nodes) {
        const below = parents.map((parent) => waves.get(parent) ?? Number.NaN);
        expect(wave).toBe(Math.max(-1, ...below) + 1);
        if (work === 'deploy') continue;
        const planned = (sketchOf(fleet, stream).on ?? []).filter((parent) =>
          nodes.some((node) => node.stream === parent && node.work === 'rebuild'),
        );
        // What a stream without a head was built on says only a head above it.
        if (sketchOf(fleet, stream).has === 'no-head') expect(planned).toEqual(expect.arrayContaining([...parents]));
        else expect([...parents].sort()).toEqual([...new Set(planned)].sort());
      }
    }),
    RUNS,
  );
});

test('a plan is minimal: each stream fixes facts that it has, and begins only where no parent has them', () => {
  const seen = { roots: 0, followers: 0 };
  fc.assert(
    fc.property(anyFleet, anyContext, (fleet, context) => {
      const { nodes } = planOf(fleet, context);
      const facts = new Map(nodes.map((node) => [node.stream, new Set(node.facts.map(factKey))]));
      for (const node of nodes.filter(({ work }) => work === 'rebuild')) {
        const sketch = sketchOf(fleet, node.stream);
        expect(node.facts.length).toBeGreaterThan(0);
        for (const one of node.facts) {
          if (one.kind === 'person' || one.kind === 'parent-moved') continue;
          if (sketch.has !== 'no-head') expect(holds(sketch, one)).toBe(true);
          const comes = (node.parents ?? []).some((parent) => facts.get(parent)?.has(factKey(one)));
          const { on = [] } = sketch;
          // Of several platforms, one that is built on nothing that holds it suffices.
          const isBelow = on.length > 0 && on.every((parent) => holds(sketchOf(fleet, parent), one));
          if (!comes) expect(isBelow).toBe(false);
          seen[comes ? 'followers' : 'roots'] += 1;
        }
        if (node.follows) expect(node.facts.every((one) => one.kind !== 'person')).toBe(true);
      }
    }),
    RUNS,
  );
  expect(Math.min(seen.roots, seen.followers)).toBeGreaterThan(100);
});

test('no stream is planned that a guard stops', () => {
  fc.assert(
    fc.property(anyFleet, anyContext, (fleet, context) => {
      const { nodes } = planOf(fleet, context);
      if (context.killSwitch.rebuilding === 'paused') expect(nodes).toEqual([]);
      for (const { stream, work } of nodes) {
        const { mode = 'enforce', openCascadeId, history: remembered, ...but } = sketchOf(fleet, stream).but ?? {};
        expect([mode, openCascadeId]).toEqual(['enforce', undefined]);
        if (work === 'rebuild') {
          expect('pipeline' in but).toBe(false);
          expect(remembered?.failuresInARow ?? 0).toBeLessThan(3);
        }
      }
      const begun = nodes.filter(({ work, follows }) => work === 'rebuild' && !follows);
      expect(begun.length).toBeLessThanOrEqual(context.ramp ?? NAMES.length);
    }),
    RUNS,
  );
});

test('every open cause is a node, has an answer that says why, or is settled', () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(anyFleet, anyContext, (fleet, context) => {
      const { nodes, answers, settled } = planOf(fleet, context);
      for (const [stream, { cause }] of Object.entries(fleet)) {
        const node = nodes.find((one) => one.stream === stream);
        const isNode = node !== undefined;
        const answer = answers.get(stream);
        if (!cause) {
          expect([answer, settled.get(stream)]).toEqual([undefined, undefined]);
          continue;
        }
        const isSettled = (settled.get(stream) ?? []).length === cause.length;
        expect(isNode && answer !== undefined).toBe(false);
        expect(isNode || isSettled || answer !== undefined).toBe(true);
        expect(answer !== undefined && isSettled).toBe(false);
        // Nothing is left of its own: it is built on what is rebuilt, or something above traces to it.
        if (node && isSettled && sketchOf(fleet, stream).has !== 'no-head')
          expect(node.facts.filter((one) => cause.map(factKey).includes(factKey(one)))).toEqual([]);
        if (answer) expect(answer.detail.length).toBeGreaterThan(10);
        // Whose head is not read is in none of these fleets.
        expect(`${answer?.reason} ${answer?.detail}`).not.toContain('head-unread');
        seen.add(isNode ? 'node' : (answer?.reason ?? 'settled'));
      }
    }),
    RUNS,
  );
  expect([...seen]).toEqual(expect.arrayContaining(['node', 'settled', 'parent-on-hold', 'unknown-facts', 'depth']));
});

test('without obstacles every stream with a cause is rebuilt', () => {
  fc.assert(
    fc.property(calmFleet, fc.boolean(), (fleet, followParents) => {
      const { nodes, answers } = planOf(fleet, { ...CALM, followParents });
      expect(answers.size).toBe(0);
      for (const [stream, { cause }] of Object.entries(fleet)) {
        // Nothing follows from a parent that moved where the policy says so.
        const asked = (cause ?? []).filter(({ kind }) => followParents || kind !== 'parent-moved');
        if (asked.length === 0) continue;
        const node = nodes.find((one) => one.stream === stream);
        expect(node?.facts.map(factKey).sort()).toEqual(expect.arrayContaining(asked.map(factKey)));
      }
    }),
    RUNS,
  );
});

const inOrder = (facts: readonly CauseFact[]): readonly CauseFact[] =>
  [...facts].sort((one, two) => (factKey(one) < factKey(two) ? -1 : 1));

test('the order of causes, facts and streams makes no difference', () => {
  fc.assert(
    fc.property(anyFleet, anyContext, fc.integer(), (fleet, context, seed) => {
      const { streams, tiers } = inputOf(fleet);
      const hash = (text: string): number => Number.parseInt(digestOf(`${text} ${seed}`).slice(7, 15), 16);
      const shuffled = <Item>(items: Iterable<Item>, name: (item: Item) => string): Item[] =>
        [...items].sort((one, two) => hash(name(one)) - hash(name(two)));
      const turned = shuffled(streams, ({ cause }) => cause.stream).map((one): PlannedStream => {
        const cause = { ...one.cause, facts: shuffled(one.cause.facts, factKey) };
        return { ...one, cause, ...(one.heads && { heads: [...one.heads].reverse() }) };
      });
      const known = {
        images: new Map(shuffled(tiers.known.images, ([digest]) => digest)),
        parents: new Map(shuffled(tiers.known.parents, ([digest]) => digest)),
        streams: new Map(shuffled(tiers.known.streams, ([stream]) => stream)),
      };
      const edges = new Map(shuffled(tiers.edges, ([stream]) => stream));
      const others = shuffled(tiers.others, ({ stream }) => stream);
      const comparable = ({ cascade, nodes, answers, settled }: CascadePlan) => ({
        cascade,
        nodes: nodes.map((node) => ({ ...node, facts: inOrder(node.facts) })),
        answers: new Map(
          [...answers].map(([stream, { reason, answer }]) => [stream, `${answer} ${reason}`] as const).sort(),
        ),
        settled: new Map([...settled].map(([stream, facts]) => [stream, facts.map(factKey).sort()] as const).sort()),
      });
      const first = planCascade(streams, context, NOW, tiers);
      expect(comparable(planCascade(turned, context, NOW, { known, edges, others }))).toEqual(comparable(first));
    }),
    RUNS,
  );
});

test('with unknown parents each stream is planned by itself, as without tiers', () => {
  fc.assert(
    fc.property(anyFleet, anyContext, (fleet, context) => {
      const alone = Object.fromEntries(Object.entries(fleet).map(([name, sketch]) => [name, { ...sketch, on: [] }]));
      const { streams, tiers } = inputOf(alone);
      expect(planCascade(streams, context, NOW, tiers)).toEqual(planCascade(streams, context, NOW, NO_TIERS));
    }),
    RUNS,
  );
});

/** Whether a stream could be built at once, or after a while. */
const isBuildable = (fleet: TierFleet, stream: string): boolean => {
  const { mode = 'enforce', openCascadeId, history, ...but } = sketchOf(fleet, stream).but ?? {};
  return (
    mode === 'enforce' && openCascadeId === undefined && (history?.failuresInARow ?? 0) < 3 && !('pipeline' in but)
  );
};
const rebuiltOf = ({ nodes }: CascadePlan): ReadonlyMap<string, CascadeNode> =>
  new Map(nodes.filter(({ work }) => work === 'rebuild').map((node) => [node.stream, node]));

test('a plan is complete: it contains every allowed child of a rebuilt stream', () => {
  const seen = { taken: 0, idle: 0, stopped: 0 };
  const context = anyContext.filter(
    ({ killSwitch, urgentRules }) => killSwitch.rebuilding === 'active' && !urgentRules,
  );
  fc.assert(
    fc.property(anyFleet, context, (fleet, drawn) => {
      const { onlyApplicationsInUse } = drawn;
      const rebuilt = rebuiltOf(planOf(fleet, { ...drawn, guards: CALM.guards, followParents: true }));
      for (const [stream, { on = [], has, cause, idle }] of Object.entries(fleet)) {
        if (has === 'no-head' || !on.some((parent) => rebuilt.has(parent))) continue;
        const isIdle = onlyApplicationsInUse && stream.startsWith('app') && idle && !cause;
        const isNeeded = [...rebuilt.keys()].some((above) => {
          const sketch = sketchOf(fleet, above);
          return sketch.has !== 'no-head' && sketch.on?.includes(stream);
        });
        const { staleParent = [] } = sketchOf(fleet, stream);
        const isOnWorse = on.some(
          (parent) =>
            !rebuilt.has(parent) &&
            (sketchOf(fleet, parent).has === 'unknown' ||
              (staleParent.includes(parent) && isWorse(fleet, parent, stream))),
        );
        if (!isBuildable(fleet, stream) || isOnWorse) {
          expect(rebuilt.has(stream)).toBe(false);
          seen.stopped += 1;
        } else if (isIdle && !isNeeded) seen.idle += 1;
        else {
          expect(rebuilt.has(stream)).toBe(true);
          seen.taken += 1;
        }
      }
    }),
    RUNS,
  );
  expect(Math.min(seen.taken, seen.idle, seen.stopped)).toBeGreaterThan(10);
});

test('no stream moves without need: a parent moves in the plan, or has moved and has nothing worse', () => {
  const seen = { moves: 0, moved: 0, held: 0 };
  fc.assert(
    fc.property(anyFleet, anyContext, (fleet, context) => {
      const plan = planOf(fleet, context);
      const rebuilt = rebuiltOf(plan);
      for (const { stream, facts, parents = [], follows } of rebuilt.values()) {
        const sketch = sketchOf(fleet, stream);
        if (follows) expect(parents.length).toBeGreaterThan(0);
        for (const one of facts) {
          if (one.kind !== 'parent-moved') continue;
          expect(sketch.on).toContain(one.parent);
          if (one.head === undefined) {
            expect([context.followParents, parents]).toEqual([true, expect.arrayContaining([one.parent])]);
            seen.moves += 1;
            continue;
          }
          expect(sketch.cause?.map(factKey)).toContain(factKey(one));
          expect(sketch.staleParent).toContain(one.parent);
          if (rebuilt.has(one.parent)) continue;
          expect(isWorse(fleet, one.parent, stream)).toBe(false);
          seen.moved += 1;
        }
      }
      for (const [stream, { has, staleParent = [], cause = [] }] of Object.entries(
        context.followParents ? fleet : {},
      )) {
        const [one, ...more] = cause;
        if (has === 'no-head' || one?.kind !== 'parent-moved' || more.length > 0 || !staleParent.includes(one.parent))
          continue;
        if (rebuilt.has(stream) || !isWorse(fleet, one.parent, stream)) continue;
        expect(plan.answers.get(stream)?.answer).toMatch(/wait|refuse/);
        seen.held += 1;
      }
    }),
    RUNS,
  );
  expect(Math.min(seen.moves, seen.moved, seen.held)).toBeGreaterThan(10);
});

/** The head of a parent is not judged, or it has a finding that a stream on it does not have. */
function isWorse(fleet: TierFleet, parent: string, stream: string): boolean {
  const { has = [] } = sketchOf(fleet, parent);
  if (has === 'unknown') return true;
  if (has === 'no-head') return false;
  return has.some((one) => !holds(sketchOf(fleet, stream), one));
}

test('a stream that follows no parent is planned as if following were off', () => {
  fc.assert(
    // With a ramp others may begin in its place.
    fc.property(anyFleet, anyContext, (fleet, { ramp: _, ...context }) => {
      const [alone, together] = [false, true].map((followParents) =>
        rebuiltOf(planOf(fleet, { ...context, followParents })),
      );
      for (const [stream, { facts }] of alone ?? []) {
        const node = together?.get(stream);
        // What follows may be too deep for what is built on it.
        if (!node && context.guards.depth < NAMES.length) continue;
        expect(node?.facts.map(factKey)).toEqual(expect.arrayContaining(facts.map(factKey)));
        expect(facts.every((one) => one.kind !== 'parent-moved' || one.head !== undefined)).toBe(true);
      }
    }),
    RUNS,
  );
});
