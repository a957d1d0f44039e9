import { type CauseFact, factKey } from '../../../shared/domain/cause.ts';
import { type CascadePlan, NO_TIERS, type PlannedStream, planCascade } from '../../../shared/domain/plan.ts';
import { freshMemory } from '../../../shared/domain/rebuild.ts';
import { fc } from '../../support/seeded.ts';
import { ageFact, CONTEXT, findingFact, PAUSED, personFact, SETTINGS } from './acting.ts';
import { DAY, digestOf, NOW } from './arbitraries.ts';
import { type Fleet, fact, inputOf, other, type StreamSketch } from './tier-plans.ts';

const RUNS = { numRuns: 1500 };
const NAMES = [
  'base-a',
  'base-b',
  'platform-a',
  'platform-b',
  'platform-c',
  'app-a',
  'app-b',
  'app-c',
  'app-d',
] as const;

const anyFacts = fc.uniqueArray(fc.constantFrom<CauseFact>(fact, other, ageFact), { selector: factKey, maxLength: 3 });
const anyHas = fc.oneof(
  { weight: 8, arbitrary: anyFacts },
  { weight: 1, arbitrary: fc.constantFrom('unknown' as const, 'no-head' as const) },
);
const anyCause = fc.option(
  fc.uniqueArray(fc.constantFrom<CauseFact>(fact, other, ageFact, findingFact('CVE-3', { fix: 'no' }), personFact()), {
    selector: factKey,
    minLength: 1,
    maxLength: 3,
  }),
  { nil: undefined, freq: 3 },
);
const memory = (changes: object) => ({ memory: { ...freshMemory('x'), ...changes } });
const anyObstacle = fc.oneof(
  { weight: 8, arbitrary: fc.constant({}) },
  {
    weight: 2,
    arbitrary: fc.constantFrom<NonNullable<StreamSketch['but']>>(
      { pipeline: undefined } as never,
      { mode: 'paused' },
      { mode: 'report-only' },
      { openCascadeId: 'other-g1' },
      memory({ failuresInARow: 3 }),
      memory({ lastEndedAtEpochMs: NOW - 1 }),
      memory({
        survived: [
          {
            fact: 'finding',
            kind: 'rebuild',
            vulnerability: 'CVE-1',
            package: 'openssl',
            version: '3.0',
            atEpochMs: NOW - DAY,
          },
        ],
      }),
    ),
  },
);

/** Each stands on some of those before it, of a lower tier or its own; sometimes two stand on each other. */
const fleetOf = (
  hasOf: fc.Arbitrary<StreamSketch['has']>,
  obstacleOf: fc.Arbitrary<StreamSketch['but']>,
): fc.Arbitrary<Fleet> =>
  fc
    .tuple(
      ...NAMES.map((_, n) =>
        fc.tuple(
          fc.subarray(NAMES.slice(0, n), { maxLength: Math.min(n, 3) }),
          hasOf,
          anyCause,
          obstacleOf,
          fc.boolean(),
        ),
      ),
    )
    .map((sketches) =>
      Object.fromEntries(
        sketches.map(([on, has, cause, but, idle], n) => {
          const sketch = { on, has, but, ...(cause && { cause }), ...(idle && { idle }) };
          return [NAMES[n] as string, sketch as StreamSketch];
        }),
      ),
    );

const anyFleet = fleetOf(anyHas, anyObstacle);
/** Nothing is in the way of anything, and every cause is held by its head. */
const calmFleet = fleetOf(anyFacts, fc.constant({})).map(
  (fleet): Fleet =>
    Object.fromEntries(
      Object.entries(fleet).map(([name, { cause, ...sketch }]) => {
        const has = sketch.has as readonly CauseFact[];
        return [name, { ...sketch, ...(cause && has.length > 0 && { cause: has }) }];
      }),
    ),
);

const anyContext = fc
  .tuple(
    fc.constantFrom(CONTEXT.killSwitch, CONTEXT.killSwitch, CONTEXT.killSwitch, PAUSED),
    fc.constantFrom({}, {}, { ramp: 1 }, { ramp: 2 }, { urgentRules: new Set(['other']) }),
    fc.constantFrom(2, 3, 20),
    fc.boolean(),
  )
  .map(([killSwitch, limits, depth, onlyApplicationsInUse]) => ({
    ...{ ...CONTEXT, killSwitch, ...limits, onlyApplicationsInUse, guards: { ...SETTINGS, depth } },
  }));
const CALM = { ...CONTEXT, guards: { ...SETTINGS, depth: 20 } };

const planOf = (fleet: Fleet, context = CALM): CascadePlan => {
  const { streams, tiers } = inputOf(fleet);
  return planCascade(streams, context, NOW, tiers);
};
const sketchOf = (fleet: Fleet, stream: string): StreamSketch => fleet[stream] ?? {};
const holds = ({ has = [] }: StreamSketch, one: CauseFact): boolean =>
  has === 'no-head'
    ? factKey(one) === factKey(fact)
    : has !== 'unknown' && has.some((held) => factKey(held) === factKey(one));

test('a plan is topological: every stream once, after all that it stands on', () => {
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

test('a plan is minimal: each stream mends what it holds, and begins only where nothing below holds it', () => {
  const seen = { roots: 0, followers: 0 };
  fc.assert(
    fc.property(anyFleet, anyContext, (fleet, context) => {
      const { nodes } = planOf(fleet, context);
      const facts = new Map(nodes.map((node) => [node.stream, new Set(node.facts.map(factKey))]));
      for (const node of nodes.filter(({ work }) => work === 'rebuild')) {
        const sketch = sketchOf(fleet, node.stream);
        expect(node.facts.length).toBeGreaterThan(0);
        for (const one of node.facts) {
          if (one.kind === 'person') continue;
          if (sketch.has !== 'no-head') expect(holds(sketch, one)).toBe(true);
          const comes = (node.parents ?? []).some((parent) => facts.get(parent)?.has(factKey(one)));
          const { on = [] } = sketch;
          // Of several platforms, one that stands on nothing that holds it suffices.
          const isBelow = on.length > 0 && on.every((parent) => holds(sketchOf(fleet, parent), one));
          if (!comes) expect(isBelow).toBe(false);
          seen[comes ? 'followers' : 'roots'] += 1;
        }
        if (node.follows) expect(node.facts.every((one) => one.kind !== 'person')).toBe(true);
      }
    }),
    RUNS,
  );
  expect(Math.min(seen.roots, seen.followers)).toBeGreaterThan(200);
});

test('nothing is planned that a guard stops', () => {
  fc.assert(
    fc.property(anyFleet, anyContext, (fleet, context) => {
      const { nodes } = planOf(fleet, context);
      if (context.killSwitch.state === 'paused') expect(nodes).toEqual([]);
      for (const { stream, work } of nodes) {
        const { mode = 'enforce', openCascadeId, memory: remembered, ...but } = sketchOf(fleet, stream).but ?? {};
        expect([mode, openCascadeId]).toEqual(['enforce', undefined]);
        if (work === 'rebuild') {
          expect('pipeline' in but).toBe(false);
          expect(remembered?.failuresInARow ?? 0).toBeLessThan(3);
        }
      }
      const begun = nodes.filter(({ work, follows }) => work === 'rebuild' && !follows);
      expect(begun.length).toBeLessThanOrEqual((context as { ramp?: number }).ramp ?? NAMES.length);
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
        const isNode = nodes.some((node) => node.stream === stream);
        const answer = answers.get(stream);
        if (!cause) {
          expect([answer, settled.get(stream)]).toEqual([undefined, undefined]);
          continue;
        }
        const isSettled = (settled.get(stream) ?? []).length === cause.length;
        expect(isNode && answer !== undefined).toBe(false);
        expect(isNode || isSettled || answer !== undefined).toBe(true);
        if (answer) expect(answer.detail.length).toBeGreaterThan(10);
        seen.add(isNode ? 'node' : (answer?.reason ?? 'settled'));
      }
    }),
    RUNS,
  );
  expect([...seen]).toEqual(expect.arrayContaining(['node', 'settled', 'parent-held-back', 'unknown-facts', 'depth']));
});

test('where nothing is in the way, all that has a cause is rebuilt', () => {
  fc.assert(
    fc.property(calmFleet, (fleet) => {
      const { nodes, answers } = planOf(fleet);
      expect(answers.size).toBe(0);
      for (const [stream, { cause }] of Object.entries(fleet)) {
        if (!cause) continue;
        const node = nodes.find((one) => one.stream === stream);
        expect(node?.facts.map(factKey).sort()).toEqual(expect.arrayContaining(cause.map(factKey)));
      }
    }),
    RUNS,
  );
});

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
      const told = ({ cascade, nodes, answers, settled }: CascadePlan) => ({
        cascade,
        nodes: nodes.map((node) => ({ ...node, facts: node.facts.map(factKey).sort() })),
        answers: new Map(
          [...answers].map(([stream, { reason, answer }]) => [stream, `${answer} ${reason}`] as const).sort(),
        ),
        settled: new Map([...settled].map(([stream, facts]) => [stream, facts.map(factKey).sort()] as const).sort()),
      });
      const first = planCascade(streams, context, NOW, tiers);
      expect(told(planCascade(turned, context, NOW, { known, edges, others }))).toEqual(told(first));
    }),
    RUNS,
  );
});

test('where nobody knows what stands on what, each stream is planned by itself, as without tiers', () => {
  fc.assert(
    fc.property(anyFleet, anyContext, (fleet, context) => {
      const alone = Object.fromEntries(Object.entries(fleet).map(([name, sketch]) => [name, { ...sketch, on: [] }]));
      const { streams, tiers } = inputOf(alone);
      expect(planCascade(streams, context, NOW, tiers)).toEqual(planCascade(streams, context, NOW, NO_TIERS));
    }),
    RUNS,
  );
});
