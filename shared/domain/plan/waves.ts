import { compareTexts } from '../common/compare-texts.ts';
import { type NegativeDecision, refuse, tooDeep } from '../guard/guard-answer.ts';
import type { StreamRecord } from '../stream/stream-record.ts';

export interface WaveStream extends Pick<StreamRecord, 'stream' | 'tier'> {
  /** Whether anything runs one of its images. */
  readonly inUse: boolean;
}

export interface StreamGraph {
  readonly streams: readonly WaveStream[];
  /** By stream: the streams that its head is built on (`streamBelow` of find-parents.ts), of all platforms together. */
  readonly parents: ReadonlyMap<string, ReadonlySet<string>>;
}

export interface WaveSettings {
  readonly onlyApplicationsInUse: boolean;
  /** The most streams on top of one another in a plan, the root included. */
  readonly maxDepth: number;
}

export interface WaveNode {
  /** 0 is built on nothing that is planned; any other is built on one of the wave before it, and on none of a later one. */
  readonly wave: number;
  /** All streams of the plan that it is built on, in order: it is built once these are verified. */
  readonly parents: readonly string[];
}

export interface LeftOut {
  readonly reason: 'not-in-use';
  readonly detail: string;
}

/** What becomes of the roots and of each stream above one: it is in exactly one of the three. In a fixed order, wave by wave. */
export interface Waves {
  readonly nodes: ReadonlyMap<string, WaveNode>;
  readonly leftOut: ReadonlyMap<string, LeftOut>;
  readonly refused: ReadonlyMap<string, NegativeDecision>;
}

/**
 * All that must be rebuilt because of the roots, each stream once, and in which order. An application that nothing runs
 * is left out, unless it is a root, which has a cause of its own, or something planned is built on it. A platform is built
 * also where nothing runs above it: what is built on it next must not begin with what the root had.
 * Linear in streams and edges but for the order of the answers (Kahn, Topological sorting of large networks, 1962).
 * @param roots streams of open causes that may be rebuilt now; the ramp has been taken off
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

const NOT_IN_USE: LeftOut = { reason: 'not-in-use', detail: 'No workload runs an image of this application.' };

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

/** These, and all that edges lead to. */
function reachedFrom(starts: ReadonlySet<string>, edges: Edges): ReadonlySet<string> {
  const reached = new Set(starts);
  // A set is walked through in the order in which it grows, to what is added meanwhile too.
  for (const stream of reached) for (const next of edges.get(stream) ?? []) reached.add(next);
  return reached;
}

/** The length of the longest way down, wave by wave; what is built on a cycle has none. */
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

/** Each of them is built on another one of them: whoever goes down by the first parent always comes to a circle. */
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

/** From its first stream by name, each followed by what it is built on. */
function refusedCycle(cycle: readonly string[]): NegativeDecision {
  const [first = ''] = cycle.toSorted(compareTexts);
  const at = cycle.indexOf(first);
  const inOrder = [...cycle.slice(at), ...cycle.slice(0, at)];
  const more = inOrder.length > MOST_NAMED ? ` and ${inOrder.length - MOST_NAMED} more` : '';
  const named = inOrder.slice(0, MOST_NAMED).join(' -> ');
  return refuse(
    'cycle',
    `The stream is part of this parent cycle or built on it: ${named}${more}. Fix \`parents\` in the policy.`,
  );
}
