import {
  planWaves,
  type StreamGraph,
  type WaveSettings,
  type WaveStream,
  type Waves,
} from '../../../../shared/domain/plan/waves.ts';

const SETTINGS: WaveSettings = { onlyApplicationsInUse: true, maxDepth: 20 };

/** What is built on what, with `!` after what nothing runs: `base`, `platform...`, or an application by any other name. */
function graphOf(edges: Readonly<Record<string, readonly string[]>>): StreamGraph {
  const named = new Map(Object.entries(edges).map(([name, below]) => [name.replace('!', ''), { name, below }]));
  return {
    streams: Array.from(named, ([stream, { name }]) => ({ stream, tier: tierOf(stream), inUse: !name.endsWith('!') })),
    parents: new Map(Array.from(named, ([stream, { below }]) => [stream, new Set(below)])),
  };
}
function tierOf(stream: string): WaveStream['tier'] {
  if (stream.startsWith('base')) return 'base';
  return stream.startsWith('platform') ? 'platform' : 'application';
}

const plan = (graph: StreamGraph, roots: readonly string[], settings: Partial<WaveSettings> = {}): Waves =>
  planWaves(graph, new Set(roots), { ...SETTINGS, ...settings });

/** `stream: what became of it`, in the order of the answers. */
const waveLines = ({ nodes, leftOut, refused }: Waves): string[] => [
  ...Array.from(nodes, ([stream, { wave, parents }]) => `${stream}: ${[wave, ...parents].join(' ')}`),
  ...Array.from(leftOut, ([stream, { reason }]) => `${stream}: ${reason}`),
  ...Array.from(refused, ([stream, { reason }]) => `${stream}: ${reason}`),
];

const THREE = { base: [], platform: ['base'], app: ['platform'] };
const DIAMOND = { base: [], platformA: ['base'], platformB: ['base'], app: ['platformA', 'platformB'] };
const CIRCLE = { base: [], platformA: ['base', 'platformB'], platformB: ['platformA'], app: ['platformB'] };

test.each<[string, Record<string, string[]>, string[], string[], Partial<WaveSettings>?]>([
  ['nothing without a root', THREE, [], []],
  ['what is built on the root', THREE, ['base'], ['base: 0', 'platform: 1 base', 'app: 2 platform']],
  ['nothing below the root', THREE, ['platform'], ['platform: 0', 'app: 1 platform']],
  ['nothing beside the root', { ...THREE, 'base-b': [], other: ['base-b'] }, ['app'], ['app: 0']],
  ['a root above a root once, later', THREE, ['app', 'base'], ['base: 0', 'platform: 1 base', 'app: 2 platform']],
  [
    'a diamond once',
    DIAMOND,
    ['base'],
    ['base: 0', 'platformA: 1 base', 'platformB: 1 base', 'app: 2 platformA platformB'],
  ],
  ['of a diamond the side at fault', DIAMOND, ['platformB'], ['platformB: 0', 'app: 1 platformB']],
  [
    'the longest way',
    { base: [], platform: ['base'], app: ['base', 'platform'] },
    ['base'],
    ['base: 0', 'platform: 1 base', 'app: 2 base platform'],
  ],
  ['two roots, apart', { base: [], 'base-b': [] }, ['base-b', 'base'], ['base: 0', 'base-b: 0']],
  [
    'no application that nothing runs',
    { base: [], 'app!': ['base'], web: ['base'] },
    ['base'],
    ['base: 0', 'web: 1 base', 'app: not-in-use'],
  ],
  [
    'any application by the setting',
    { base: [], 'app!': ['base'] },
    ['base'],
    ['base: 0', 'app: 1 base'],
    { onlyApplicationsInUse: false },
  ],
  ['a root that nothing runs', { base: [], 'app!': ['base'] }, ['app'], ['app: 0']],
  [
    'an application that nothing runs below one that runs',
    { base: [], 'app!': ['base'], web: ['app'] },
    ['base'],
    ['base: 0', 'app: 1 base', 'web: 2 app'],
  ],
  [
    'a platform with nothing in use above it',
    { 'base!': [], 'platform!': ['base'], 'app!': ['platform'] },
    ['base'],
    ['base: 0', 'platform: 1 base', 'app: not-in-use'],
  ],
  ['a stream without a description', { platform: ['base'] }, ['base'], ['base: 0', 'platform: 1 base']],
  ['as deep as may be', THREE, ['base'], ['base: 0', 'platform: 1 base', 'app: depth'], { maxDepth: 2 }],
  ['nothing on or above a circle', CIRCLE, ['base'], ['base: 0', 'app: cycle', 'platformB: cycle', 'platformA: cycle']],
  ['what is built on itself', { app: ['app'] }, ['app'], ['app: cycle']],
  [
    'what is below a circle, where nothing of it is in use',
    { base: [], 'app!': ['base', 'web'], 'web!': ['app'] },
    ['base'],
    ['base: 0', 'app: not-in-use', 'web: not-in-use'],
  ],
  ['above a circle below the root', { ...CIRCLE, shop: ['app'] }, ['app'], ['app: 0', 'shop: 1 app']],
])('plans %s', (...[, edges, roots, expected, settings]) => {
  expect(waveLines(plan(graphOf(edges), roots, settings))).toEqual(expected);
});

test('names the streams of a cycle, and the depth beyond the limit', () => {
  const { refused } = plan(graphOf(CIRCLE), ['base']);
  const circle =
    'The policy declares parents in a circle: platformA -> platformB. This stream is in the circle or built on it. Fix `parents` in the policy.';
  for (const stream of ['app', 'platformA', 'platformB'])
    expect(refused.get(stream)).toEqual({ answer: 'refuse', reason: 'cycle', detail: circle });
  expect(plan(graphOf(THREE), ['base'], { maxDepth: 2 }).refused.get('app')?.detail).toBe(
    'The stream is number 3 in a chain of streams that are built on one another; `guards.depth` allows 2. Raise that limit, or shorten the chain.',
  );
});

test('names the first streams of a long cycle', () => {
  const names = Array.from({ length: 1000 }, (_, at) => `app-${String(at).padStart(4, '0')}`);
  const graph = graphOf(Object.fromEntries(names.map((name, at) => [name, [names[(at + 1) % 1000] ?? '']])));
  const { refused } = plan(graph, ['app-0500']);
  expect(refused.size).toBe(1000);
  expect(new Set([...refused.values()].map(({ detail }) => detail)).size).toBe(1);
  expect(refused.get('app-0999')?.detail).toContain('in a circle: app-0000 -> app-0001');
  expect(refused.get('app-0999')?.detail).toContain('app-0019 and 980 more.');
});

test('one base as root cause: itself, its platforms and their running applications only', () => {
  const bases = ['base-0', 'base-1', 'base-2'];
  const platforms = Array.from({ length: 20 }, (_, at) => [`platform-${at}`, [`base-${at % 3}`]] as const);
  const applications = Array.from(
    { length: 400 },
    (_, at) => [`app-${at}${at % 7 === 0 ? '!' : ''}`, [`platform-${at % 20}`]] as const,
  );
  const graph = graphOf(
    Object.fromEntries([...bases.map((base) => [base, []] as const), ...platforms, ...applications]),
  );
  const { nodes, leftOut, refused } = plan(graph, ['base-1']);
  const ofBase = (at: number): boolean => (at % 20) % 3 === 1;
  const above = Array.from({ length: 400 }, (_, at) => at).filter(ofBase);
  const running = above.filter((at) => at % 7 !== 0);
  const inWave = (wave: number) => [...nodes].filter(([, node]) => node.wave === wave).map(([stream]) => stream);
  expect(inWave(0)).toEqual(['base-1']);
  expect(inWave(1)).toEqual(
    platforms
      .filter((_, at) => at % 3 === 1)
      .map(([name]) => name)
      .sort(),
  );
  expect(inWave(2)).toEqual(running.map((at) => `app-${at}`).sort());
  expect(nodes.size).toBe(1 + 7 + running.length);
  expect(leftOut.size).toBe(above.length - running.length);
  expect(refused.size).toBe(0);
});

/** How often maps and sets are looked into or written to while something runs: its work on any machine. */
function stepsOf(run: () => void): number {
  let steps = 0;
  const places = [
    [Map.prototype, ['get', 'set', 'has']],
    [Set.prototype, ['has', 'add']],
  ] as const;
  const restores = places.flatMap(([place, names]) =>
    names.map((name) => {
      const original: (...args: unknown[]) => unknown = Reflect.get(place, name);
      Reflect.set(place, name, function counted(this: unknown, ...args: unknown[]) {
        steps += 1;
        return original.apply(this, args);
      });
      return () => Reflect.set(place, name, original);
    }),
  );
  try {
    run();
  } finally {
    for (const restore of restores) restore();
  }
  return steps;
}

test.each<[string, (at: number, size: number) => number[]]>([
  ['a long way', (at) => [at - 1]],
  ['a wide one', () => [0]],
  ['a mesh', (at) => [at - 1, at >> 1, at - 7]],
  ['a circle', (at, size) => [at === 1 ? size - 1 : at - 1]],
])('100,000 streams take the same steps each, and for each edge, as 1,000: %s', (_, below) => {
  const stepsOfEach = (size: number): number => {
    const all = Array.from({ length: size }, (_, at) => `platform-${at}`);
    const parents = new Map(
      all.map((stream, at) => [stream, new Set(at === 0 ? [] : below(at, size).flatMap((to) => all[to] ?? []))]),
    );
    const edges = [...parents.values()].reduce((sum, below) => sum + below.size, 0);
    const streams = all.map((stream) => ({ stream, tier: 'platform' as const, inUse: true }));
    const roots = new Set(['platform-0', 'platform-1']);
    let answered = 0;
    const steps = stepsOf(() => {
      const { nodes, refused } = planWaves({ streams, parents }, roots, { ...SETTINGS, maxDepth: size / 2 });
      answered = nodes.size + refused.size;
    });
    expect(answered).toBe(size);
    return steps / (size + edges);
  };
  expect(stepsOfEach(100_000)).toBeLessThanOrEqual(1.02 * stepsOfEach(1000));
});
