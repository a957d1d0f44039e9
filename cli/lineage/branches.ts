import { compareTexts } from '../../shared/domain/common/compare-texts.ts';
import type { Mark, TreeStream } from '../plan/plan-tree.ts';
import { markNote, markWord } from '../plan/render-mark.ts';

/** A place in the picture: a stream, one that is drawn elsewhere, or many that would all look alike. */
export type Branch =
  | { readonly kind: 'stream'; readonly stream: TreeStream; readonly children: readonly Branch[] }
  | { readonly kind: 'again'; readonly stream: TreeStream; readonly children: readonly [] }
  | { readonly kind: 'many'; readonly streams: readonly TreeStream[]; readonly children: readonly [] };

export interface Forest {
  readonly branches: readonly Branch[];
  /** Streams of trees in which nothing is planned, held back or under way. */
  readonly leftOut: number;
}

/** More than so many that look alike are drawn as one. */
const ALIKE = 8;

/**
 * Who is built on whom, as a tree: each stream is drawn where it is met first, and is referred to afterwards.
 * @param all whether also those are drawn that look alike, and trees in which nothing is to be done
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
  // Streams that are built on one another in a circle hang on no other.
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

/** How long each takes does not part them. */
const shapeOf = ({ tier, mark }: TreeStream): string =>
  [tier, markWord(mark), mark.kind === 'planned' ? '' : markNote(mark)].join('\n');

/** Of many, what becomes of each. */
export const markOf = (branch: Branch): Mark =>
  (branch.kind === 'many' ? branch.streams[0] : branch.stream)?.mark ?? { kind: 'untouched' };

/** All streams of a branch; one that is drawn elsewhere belongs to both. */
export function streamsOfBranch(branch: Branch): readonly TreeStream[] {
  const members = branch.kind === 'many' ? branch.streams : [branch.stream];
  return [...members, ...branch.children.flatMap(streamsOfBranch)];
}

/** `12 applications`; and for whoever looks closer which ones. */
export const manyText = (streams: readonly TreeStream[]): string =>
  `${streams.length} ${[...new Set(streams.map(({ tier }) => tier))].sort(compareTexts).join(' and ')}s`;
