import { planWaves, type StreamGraph, type WaveSettings, type Waves } from '../../../../shared/domain/plan/waves.ts';
import { fc } from '../../../support/seeded.ts';

const runs = { numRuns: 2000 };

interface Drawn {
  readonly graph: StreamGraph;
  readonly roots: readonly string[];
  readonly settings: WaveSettings;
}

/** Few streams and many edges, so that diamonds, deep ways and, unless `acyclic`, circles come about. */
const drawn = (acyclic: boolean): fc.Arbitrary<Drawn> =>
  fc
    .record({
      streams: fc.array(
        fc.record({
          tier: fc.constantFrom('base' as const, 'platform' as const, 'application' as const),
          inUse: fc.boolean(),
          below: fc.array(fc.nat({ max: 11 }), { maxLength: 3 }),
          isRoot: fc.nat({ max: 3 }).map((drawnAt) => drawnAt === 0),
          isKnown: fc.nat({ max: 9 }).map((drawnAt) => drawnAt > 0),
        }),
        { minLength: 1, maxLength: 12 },
      ),
      onlyApplicationsInUse: fc.boolean(),
      maxDepth: fc.integer({ min: 1, max: 12 }),
    })
    .map(({ streams, ...settings }) => {
      const name = (at: number): string => `stream-${at}`;
      const belowOf = (at: number, below: readonly number[]): string[] =>
        below
          .map((to) => (acyclic ? to % Math.max(at, 1) : to % streams.length))
          .filter((to) => !acyclic || to < at)
          .map(name);
      return {
        graph: {
          streams: streams.flatMap(({ tier, inUse, isKnown }, at) =>
            isKnown ? [{ stream: name(at), tier, inUse }] : [],
          ),
          parents: new Map(streams.map(({ below }, at) => [name(at), new Set(belowOf(at, below))])),
        },
        roots: streams.flatMap(({ isRoot }, at) => (isRoot ? [name(at)] : [])),
        settings,
      };
    });
const anyGraph = fc.boolean().chain(drawn);

const planDrawn = ({ graph, roots, settings }: Drawn): Waves => planWaves(graph, new Set(roots), settings);
const parentsOf = ({ graph }: Drawn, stream: string): string[] => [...(graph.parents.get(stream) ?? [])];

/** All streams that are reachable from some streams: slow and plain. */
function reach(starts: readonly string[], next: (stream: string) => readonly string[]): Set<string> {
  const reached = new Set<string>();
  const visit = (stream: string): void => {
    if (reached.has(stream)) return;
    reached.add(stream);
    next(stream).forEach(visit);
  };
  starts.forEach(visit);
  return reached;
}
const aboveRoots = (one: Drawn): Set<string> =>
  reach(one.roots, (stream) => [...one.graph.parents].filter(([, below]) => below.has(stream)).map(([child]) => child));

test('every planned parent is in an earlier wave, one of them in the one before', () => {
  fc.assert(
    fc.property(anyGraph, (one) => {
      const { nodes } = planDrawn(one);
      for (const [stream, { wave, parents }] of nodes) {
        expect(parents).toEqual(
          parentsOf(one, stream)
            .filter((parent) => nodes.has(parent))
            .sort(),
        );
        const below = parents.map((parent) => nodes.get(parent)?.wave ?? Number.NaN);
        expect(wave).toBe(below.length === 0 ? 0 : 1 + Math.max(...below));
        if (wave === 0) expect(one.roots).toContain(stream);
      }
    }),
    runs,
  );
});

test('the roots and all streams built on them are planned, left out or refused exactly once', () => {
  fc.assert(
    fc.property(anyGraph, (one) => {
      const { nodes, leftOut, refused } = planDrawn(one);
      const answered = [...nodes.keys(), ...leftOut.keys(), ...refused.keys()];
      expect(answered.sort()).toEqual([...aboveRoots(one)].sort());
    }),
    runs,
  );
});

test('no unneeded stream is planned or refused, and no needed one left out', () => {
  fc.assert(
    fc.property(anyGraph, (one) => {
      const { nodes, leftOut, refused } = planDrawn(one);
      const above = aboveRoots(one);
      const isIdle = (stream: string): boolean =>
        one.settings.onlyApplicationsInUse &&
        one.graph.streams.some((each) => each.stream === stream && each.tier === 'application' && !each.inUse);
      const wanted = [...above].filter((stream) => one.roots.includes(stream) || !isIdle(stream));
      const needed = reach(wanted, (stream) => parentsOf(one, stream).filter((parent) => above.has(parent)));
      expect([...nodes.keys(), ...refused.keys()].sort()).toEqual([...needed].sort());
      for (const stream of leftOut.keys()) expect(isIdle(stream)).toBe(true);
    }),
    runs,
  );
});

test('exactly the streams in or above a cycle are refused for it, and the cycle is named', () => {
  fc.assert(
    fc.property(drawn(false), (one) => {
      const { nodes, refused } = planDrawn(one);
      const kept = new Set([...nodes.keys(), ...refused.keys()]);
      const below = (stream: string): string[] => parentsOf(one, stream).filter((parent) => kept.has(parent));
      const isBuiltOnItself = (stream: string): boolean => reach(below(stream), below).has(stream);
      for (const stream of kept) {
        const expected = [...reach([stream], below)].some(isBuiltOnItself);
        const answer = refused.get(stream);
        expect(answer?.reason === 'cycle').toBe(expected);
        if (answer?.reason !== 'cycle') continue;
        const circle = answer.detail.match(/stream-\d+/g) ?? [];
        expect(reach([stream], below)).toContain(circle[0]);
        for (const [at, each] of circle.entries()) expect(below(each)).toContain(circle[(at + 1) % circle.length]);
      }
    }),
    runs,
  );
});

test('exactly the streams beyond the depth limit are refused, and none is built on them', () => {
  fc.assert(
    fc.property(drawn(true), (one) => {
      const { nodes, refused } = planDrawn(one);
      const whole = planDrawn({ ...one, settings: { ...one.settings, maxDepth: 100 } }).nodes;
      for (const [stream, { wave }] of whole) {
        expect(refused.get(stream)?.reason).toBe(wave < one.settings.maxDepth ? undefined : 'depth');
        if (nodes.has(stream)) for (const parent of parentsOf(one, stream)) expect(refused.has(parent)).toBe(false);
      }
    }),
    runs,
  );
});

test('the order of streams, edges and roots makes no difference, not one byte', () => {
  const bytes = (waves: Waves): string => JSON.stringify(Object.values(waves).map((answers) => [...answers]));
  fc.assert(
    fc.property(anyGraph, (one) => {
      const turned: Drawn = {
        graph: {
          streams: [...one.graph.streams].reverse(),
          parents: new Map(
            [...one.graph.parents].reverse().map(([stream, below]) => [stream, new Set([...below].reverse())]),
          ),
        },
        roots: [...one.roots].reverse(),
        settings: one.settings,
      };
      expect(bytes(planDrawn(turned))).toBe(bytes(planDrawn(one)));
    }),
    runs,
  );
});
