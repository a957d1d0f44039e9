import { compareTexts } from '../common/compare-texts.ts';
import { type NegativeDecision, refuse, tooDeep } from '../guard/guard-answer.ts';
import type { StreamRecord } from '../stream/stream-record.ts';

export interface WaveStream extends Pick<StreamRecord, 'stream' | 'tier'> {
  /** Whether a workload runs one of its images. */
  readonly inUse: boolean;
}

export interface StreamGraph {
  readonly streams: readonly WaveStream[];
  /** By stream: the streams that its head is built on (`streamBelow` of find-parents.ts), of all platforms together. */
  readonly parents: ReadonlyMap<string, ReadonlySet<string>>;
}

export interface WaveSettings {
  readonly onlyApplicationsInUse: boolean;
  /** The maximum depth of a plan, the root included. */
  readonly maxDepth: number;
}

export interface WaveNode {
  /** Wave 0 has no planned parent. Every other stream has a parent in the wave before, and none in a later wave. */
  readonly wave: number;
  /** All its parents in the plan, sorted: it is built once these are verified. */
  readonly parents: readonly string[];
}

export interface LeftOut {
  readonly reason: 'not-in-use';
  readonly detail: string;
}

/** The result for the roots and each stream above them: each is in exactly one of the three lists, sorted by wave. */
export interface Waves {
  readonly nodes: ReadonlyMap<string, WaveNode>;
  readonly leftOut: ReadonlyMap<string, LeftOut>;
  readonly refused: ReadonlyMap<string, NegativeDecision>;
}

/**
 * All streams that must be rebuilt because of the roots, each once, in order. An application that no workload runs is
 * left out, unless it is a root or a planned stream is built on it. A platform is always built, so that later children
 * do not start from the old image. Linear in streams and edges, except for sorting (Kahn, Topological sorting of large
 * networks, 1962).
 * @param roots streams of open causes that may be rebuilt now, after the ramp
 */
export function planWaves(
  { streams, parents }: StreamGraph,
  roots: ReadonlySet<string>,
  { onlyApplicationsInUse, maxDepth }: WaveSettings,
): Waves {
  const above = reachedFrom(roots, turned(parents));
  const idle = new Set(onlyApplicationsInUse ? streams.filter(isIdle).map(({ stream }) => stream) : []);
  const asked = new Set([...above].filter((stream) => roots.has(stream) || !idle.has(stream)));
  const needed = reachedFrom(asked, within(above, parents));
  const leftOut = [...above].filter((stream) => !needed.has(stream)).sort(compareTexts);
  return {
    ...inWaves(within(needed, parents), maxDepth),
    leftOut: new Map(leftOut.map((stream) => [stream, NOT_IN_USE])),
  };
}

function inWaves(parents: Edges, maxDepth: number): Pick<Waves, 'nodes' | 'refused'> {
  const waves = wavesOf(parents);
  const stuck = [...parents.keys()].filter((stream) => !waves.has(stream)).sort(compareTexts);
  const nodes = new Map<string, WaveNode>();
  const refused = new Map(refusedCycles(stuck, parents));
  for (const [stream, wave] of waves)
    if (wave < maxDepth) nodes.set(stream, { wave, parents: parents.get(stream) ?? [] });
    else refused.set(stream, tooDeep(wave + 1, maxDepth));
  return { nodes, refused };
}

const isIdle = ({ tier, inUse }: WaveStream): boolean => tier === 'application' && !inUse;

const NOT_IN_USE: LeftOut = {
  reason: 'not-in-use',
  detail: 'No workload runs an image of this application. Patchwave rebuilds it once a workload does.',
};

type Edges = ReadonlyMap<string, readonly string[]>;

function turned(edges: ReadonlyMap<string, Iterable<string>>): Edges {
  const turnedEdges = new Map<string, string[]>();
  for (const [from, all] of edges)
    for (const to of all) if (!turnedEdges.get(to)?.push(from)) turnedEdges.set(to, [from]);
  return turnedEdges;
}

/** The edges between some streams, to their parents; each of these streams has an entry. */
const within = (streams: ReadonlySet<string>, parents: StreamGraph['parents']): Edges =>
  new Map(
    Array.from(streams, (stream) => {
      const planned = [...(parents.get(stream) ?? [])].filter((parent) => streams.has(parent));
      return [stream, planned.sort(compareTexts)];
    }),
  );

/** These, and all that are reachable over edges. */
function reachedFrom(starts: ReadonlySet<string>, edges: Edges): ReadonlySet<string> {
  const reached = new Set(starts);
  // The loop also visits elements added during it.
  for (const stream of reached) for (const next of edges.get(stream) ?? []) reached.add(next);
  return reached;
}

/** The longest distance to a root ancestor, wave by wave; a stream above a cycle has none. */
function wavesOf(parents: Edges): ReadonlyMap<string, number> {
  const children = turned(parents);
  const awaited = new Map(Array.from(parents, ([stream, below]) => [stream, below.length]));
  const waves = new Map<string, number>();
  let ready = [...parents.keys()].filter((stream) => awaited.get(stream) === 0);
  for (let wave = 0; ready.length > 0; wave += 1) {
    const freed: string[] = [];
    for (const stream of ready.sort(compareTexts)) {
      waves.set(stream, wave);
      for (const child of children.get(stream) ?? []) {
        const left = (awaited.get(child) ?? 0) - 1;
        awaited.set(child, left);
        if (left === 0) freed.push(child);
      }
    }
    ready = freed;
  }
  return waves;
}

/** Each of them has a parent among them, so following the first parent always reaches a cycle. */
function refusedCycles(stuck: readonly string[], parents: Edges): ReadonlyMap<string, NegativeDecision> {
  const isStuck = new Set(stuck);
  const below = (stream: string): string => parents.get(stream)?.find((parent) => isStuck.has(parent)) ?? stream;
  const answers = new Map<string, NegativeDecision>();
  for (const start of stuck) {
    const way = new Set<string>();
    let at = start;
    for (; !answers.has(at) && !way.has(at); at = below(at)) way.add(at);
    const answer = answers.get(at) ?? refusedCycle([...way].slice([...way].indexOf(at)));
    for (const stream of way) answers.set(stream, answer);
  }
  return answers;
}

const MOST_NAMED = 20;

/** Starts with the first stream by name; each is followed by its parent. */
function refusedCycle(cycle: readonly string[]): NegativeDecision {
  const [first = ''] = cycle.toSorted(compareTexts);
  const at = cycle.indexOf(first);
  const inOrder = [...cycle.slice(at), ...cycle.slice(0, at)];
  const more = inOrder.length > MOST_NAMED ? ` and ${inOrder.length - MOST_NAMED} more` : '';
  const named = inOrder.slice(0, MOST_NAMED).join(' -> ');
  return refuse(
    'cycle',
    `The policy declares parents in a circle: ${named}${more}. This stream is in the circle or built on it. Fix \`parents\` in the policy.`,
  );
}
