import { counted } from '../../shared/domain/common/counted.ts';
import type { Mark, TreeStream } from '../plan/plan-tree.ts';
import { markNote, markWord } from '../plan/render-mark.ts';

/** A node of the picture: a stream, a reference to one drawn elsewhere, or a group of similar streams. */
export type Branch =
  | { readonly kind: 'stream'; readonly stream: TreeStream; readonly children: readonly Branch[] }
  | { readonly kind: 'again'; readonly stream: TreeStream; readonly children: readonly [] }
  | { readonly kind: 'many'; readonly streams: readonly TreeStream[]; readonly children: readonly [] };

export interface Forest {
  readonly branches: readonly Branch[];
  /** Streams of trees with no planned, waiting or running work. */
  readonly leftOut: number;
}

/** Above this number, similar streams are drawn as one. */
const ALIKE = 8;

/**
 * The lineage as a tree: each stream is drawn where it appears first, and referenced afterwards.
 * @param all whether to draw similar streams one by one, and trees with nothing to do
 */
export function forestOf(streams: readonly TreeStream[], all: boolean): Forest {
  const above = new Map<string, TreeStream[]>();
  for (const stream of streams)
    for (const parent of stream.parents) above.set(parent, [...(above.get(parent) ?? []), stream]);
  const drawn = new Set<TreeStream>();
  const grow = (stream: TreeStream): Branch => {
    if (drawn.has(stream)) return { kind: 'again', stream, children: [] };
    drawn.add(stream);
    return { kind: 'stream', stream, children: growAll(above.get(stream.stream) ?? []) };
  };
  const growAll = (members: readonly TreeStream[]): Branch[] => {
    const alikeStreams = Map.groupBy(members, (stream) => (isLeaf(stream) ? shapeOf(stream) : stream.stream));
    return [...alikeStreams.values()].flatMap((alike): Branch[] =>
      all || alike.length <= ALIKE ? alike.map(grow) : [{ kind: 'many', streams: alike, children: [] }],
    );
  };
  const isLeaf = ({ stream, parents }: TreeStream) => parents.length <= 1 && !above.has(stream);
  const branches = growAll(streams.filter(({ parents }) => parents.length === 0));
  // Streams in a parent cycle hang under no other stream.
  const met = new Set(branches.flatMap(streamsOfBranch));
  for (const stream of streams) {
    if (met.has(stream)) continue;
    const branch = grow(stream);
    branches.push(branch);
    for (const member of streamsOfBranch(branch)) met.add(member);
  }
  const kept = all ? branches : branches.filter((branch) => streamsOfBranch(branch).some(isTouched));
  return { branches: kept, leftOut: streams.length - new Set(kept.flatMap(streamsOfBranch)).size };
}

const isTouched = ({ mark }: TreeStream): boolean => mark.kind !== 'untouched';

/** Different durations do not separate similar streams. */
const shapeOf = ({ tier, mark }: TreeStream): string =>
  [tier, markWord(mark), mark.kind === 'planned' ? '' : markNote(mark)].join('\n');

/** The plan of each stream in a group. */
export const markOf = (branch: Branch): Mark =>
  (branch.kind === 'many' ? branch.streams[0] : branch.stream)?.mark ?? { kind: 'untouched' };

/** All streams of a branch; a stream drawn elsewhere belongs to both. */
export function streamsOfBranch(branch: Branch): readonly TreeStream[] {
  const members = branch.kind === 'many' ? branch.streams : [branch.stream];
  return [...members, ...branch.children.flatMap(streamsOfBranch)];
}

/** `12 applications`, with the names as detail. */
export const manyText = (streams: readonly TreeStream[]): string =>
  counted(streams.length, streams[0]?.tier ?? 'stream');
