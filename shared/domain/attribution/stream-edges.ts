import { type CauseFact, factKey, PARENT_MOVED } from '../cause/cause.ts';
import { anyContentFactStatus } from '../cause/fact-status.ts';
import { compareTexts } from '../common/compare-texts.ts';
import type { Digest } from '../image/image.ts';
import { streamBelow } from '../lineage/find-parents.ts';
import type { StreamPath } from './root-cause.ts';
import { type AttributionInputs, showing } from './stream-path.ts';

/** By stream: the streams that it is built on. */
export type Edges = ReadonlyMap<string, ReadonlySet<string>>;

/**
 * For each known stream, the parents of its heads over all platforms. Without a head, the parents of its last images.
 */
export function edgesOf(known: AttributionInputs): Edges {
  const { parents, images, streams } = known;
  const streamOf = (digest: Digest) => images.get(digest)?.stream;
  return new Map(
    Array.from(streams, ([stream, { head }]) => {
      const heads = Object.values(head?.images ?? {}).map((digest) => ({ digest }));
      const below = showing(stream, heads, known).flatMap(({ digest }) => streamBelow(parents, digest, streamOf) ?? []);
      return [stream, new Set(below.map((parent) => parent.stream).filter((parent) => parent !== stream))] as const;
    }),
  );
}

/** Includes the paths of facts of running heads, because an older head between them may have had another parent. */
export function withPaths(edges: Edges, paths: Iterable<StreamPath>): Edges {
  const all = new Map(Array.from(edges, ([stream, below]) => [stream, new Set(below)]));
  for (const path of paths)
    for (const [at, stream] of path.entries()) {
      const below = all.get(stream) ?? new Set();
      const parent = path[at - 1];
      if (parent !== undefined) below.add(parent);
      all.set(stream, below);
    }
  return all;
}

/**
 * The streams on the longest path to a root ancestor, nearest first; includes the stream itself if it is built on
 * itself.
 */
export function ancestry(stream: string, edges: Edges): readonly string[] {
  const found = new Map<string, readonly string[]>();
  const under = new Set<string>();
  const down = (from: string): readonly string[] => {
    const known = found.get(from);
    if (known) return known;
    under.add(from);
    let longest: readonly string[] = [];
    for (const parent of [...(edges.get(from) ?? [])].sort(compareTexts)) {
      const path = [parent, ...(under.has(parent) ? [] : down(parent))];
      if (path.includes(stream)) return path;
      if (path.length > longest.length) longest = path;
    }
    under.delete(from);
    found.set(from, longest);
    return longest;
  };
  return down(stream);
}

/**
 * Propagates facts upwards from rebuilt roots. A stream gets a fact of its parent if its own heads have it, and passes
 * it on; each stream gets each fact once. If parents are followed, it also gets the parent's move, and its children get
 * its own.
 * @param roots by stream, what is to be fixed there
 */
export function arrivals(
  roots: ReadonlyMap<string, readonly CauseFact[]>,
  edges: Edges,
  known: AttributionInputs,
  followParents: boolean,
): ReadonlyMap<string, readonly CauseFact[]> {
  const above = new Map<string, string[]>();
  for (const [stream, below] of edges)
    for (const parent of below) if (!above.get(parent)?.push(stream)) above.set(parent, [stream]);
  const arrived = new Map<string, Map<string, CauseFact>>();
  const queue = Array.from(roots, ([stream, facts]) => ({ stream, facts }));
  // The loop also visits elements added during it.
  for (const { stream, facts } of queue)
    for (const child of above.get(stream) ?? []) {
      const had = arrived.get(child) ?? new Map<string, CauseFact>();
      const arriving = followParents ? [...facts, movedWith(stream, facts)] : facts;
      const news = arriving.filter((fact) => !had.has(factKey(fact)) && isHandedOn(fact, stream, child, known));
      for (const fact of news) had.set(factKey(fact), fact);
      if (news.length === 0) continue;
      arrived.set(child, had);
      queue.push({ stream: child, facts: news });
    }
  return new Map(Array.from(arrived, ([stream, facts]) => [stream, [...facts.values()]]));
}

/** Its head is built in the same cascade, so it is unknown yet. */
const movedWith = (parent: string, facts: readonly CauseFact[]): CauseFact => ({
  ...{ kind: 'parent-moved', ruleId: PARENT_MOVED, parent },
  sinceEpochMs: facts.reduce((since, { sinceEpochMs }) => Math.min(since, sinceEpochMs), Number.POSITIVE_INFINITY),
});

/** A move concerns only the direct children of the stream. */
const isHandedOn = (fact: CauseFact, from: string, to: string, known: AttributionInputs): boolean =>
  fact.kind === 'parent-moved' ? fact.parent === from : isInHeads(fact, to, known);

/** A stream without a head takes every fact: it needs a first head in any case, and its children wait for that. */
function isInHeads(fact: CauseFact, stream: string, { streams, images }: AttributionInputs): boolean {
  const heads = Object.values(streams.get(stream)?.head?.images ?? {});
  if (heads.length === 0) return fact.kind !== 'person';
  return (
    anyContentFactStatus(
      fact,
      heads.map((digest) => images.get(digest) ?? { digest }),
    ) === 'present'
  );
}
