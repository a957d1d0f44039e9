import type { Branch, Forest } from '../lineage/branches.ts';
import type { TreeStream } from './plan-tree.ts';

/** A box of the picture by column and row, from 0. */
export interface Box {
  readonly branch: Exclude<Branch, { kind: 'again' }>;
  readonly column: number;
  readonly row: number;
}

export interface Layout {
  readonly boxes: readonly Box[];
  /** From parent to child. */
  readonly edges: readonly { readonly from: Box; readonly to: Box }[];
  /** Tiers by their first column. */
  readonly tiers: readonly { readonly tier: string; readonly column: number }[];
}

const TIERS: readonly TreeStream['tier'][] = ['base', 'platform', 'application'];

/**
 * Places tiers from left to right, with more columns for a tier whose streams are built on each other. Each tree has
 * its own rows, with a parent centred on its children. So boxes never overlap, and most edges stay away from other
 * trees.
 */
export function layoutOf({ branches }: Forest): Layout {
  const columns = columnsOf(branches);
  const boxes: Box[] = [];
  const edges: Layout['edges'][number][] = [];
  const placed = new Map<TreeStream, Box>();
  const later: { readonly from: Box; readonly to: TreeStream }[] = [];
  let rows = 0;
  const place = (branch: Box['branch'], leftmost: number): Box => {
    const [first] = branch.kind === 'many' ? branch.streams : [branch.stream];
    const column = Math.max(leftmost, first ? columns.of(first) : 0);
    const children = branch.children.flatMap((child) => (child.kind === 'again' ? [] : place(child, column + 1)));
    const [top, bottom] = [children[0], children.at(-1)];
    const box = { branch, column, row: top && bottom ? (top.row + bottom.row) / 2 : rows++ };
    boxes.push(box);
    edges.push(...children.map((to) => ({ from: box, to })));
    if (branch.kind === 'stream') placed.set(branch.stream, box);
    for (const child of branch.children) if (child.kind === 'again') later.push({ from: box, to: child.stream });
    return box;
  };
  for (const branch of branches) if (branch.kind !== 'again') place(branch, 0);
  for (const { from, to } of later) {
    const box = placed.get(to);
    if (box) edges.push({ from, to: box });
  }
  return { boxes, edges, tiers: columns.tiers };
}

function columnsOf(branches: readonly Branch[]) {
  const depths = new Map<TreeStream, number>();
  const widths = new Map<string, number>();
  const visit = (branch: Branch, below: { readonly tier: string; readonly depth: number } | undefined): void => {
    const streams = branch.kind === 'many' ? branch.streams : [branch.stream];
    for (const stream of streams) {
      const depth = Math.max(depths.get(stream) ?? 0, below?.tier === stream.tier ? below.depth + 1 : 0);
      depths.set(stream, depth);
      widths.set(stream.tier, Math.max(widths.get(stream.tier) ?? 0, depth + 1));
      for (const child of branch.children) visit(child, { tier: stream.tier, depth });
    }
  };
  for (const branch of branches) visit(branch, undefined);
  const tiers: { readonly tier: string; readonly column: number }[] = [];
  let column = 0;
  for (const tier of TIERS) {
    const width = widths.get(tier);
    if (width === undefined) continue;
    tiers.push({ tier, column });
    column += width;
  }
  const startOf = new Map(tiers.map((one) => [one.tier, one.column]));
  const of = (stream: TreeStream): number => (startOf.get(stream.tier) ?? 0) + (depths.get(stream) ?? 0);
  return { tiers, of };
}
