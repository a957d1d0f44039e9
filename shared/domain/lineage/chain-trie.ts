/** A chain that images end at, or at which two of them part. */
export interface ChainNode<Image> {
  /** Layers from the lowest on. */
  readonly depth: number;
  /** The next shorter chain of the trie; absent for the chain of no layers. */
  readonly below?: ChainNode<Image>;
  /** Whose layers these are, from the lowest on; more may follow. */
  readonly path: readonly string[];
  readonly images: readonly Image[];
}

interface Node<Image> extends ChainNode<Image> {
  below?: Node<Image>;
  images: Image[];
  /** By the first layer on top of this chain. */
  above?: Map<string, Node<Image>>;
}

/**
 * A trie over chains of layers. Layers that no image ends at and no two part at stand in one node together, so there are
 * at most two nodes for an image, and it is put in by comparing each of its layers once.
 */
export class ChainTrie<Image> {
  readonly #root: Node<Image> = { depth: 0, path: [], images: [] };

  /** The node at the end of a path; it is made where there is none, and stays the node of that path. */
  nodeOf(path: readonly string[]): ChainNode<Image> {
    return this.#nodeOf(path);
  }

  add(path: readonly string[], image: Image): ChainNode<Image> {
    const node = this.#nodeOf(path);
    if (node.images.length === 0) node.images = [image];
    else node.images.push(image);
    return node;
  }

  #nodeOf(path: readonly string[]): Node<Image> {
    let node = this.#root;
    while (node.depth < path.length) {
      const layer = path[node.depth] ?? '';
      const next = node.above?.get(layer);
      if (!next) return grown(node, path, path.length);
      node = reached(next, path);
    }
    return node;
  }
}

/** No list of its own until an image comes. */
const NONE: never[] = [];

function grown<Image>(below: Node<Image>, path: readonly string[], depth: number): Node<Image> {
  const node: Node<Image> = { depth, below, path, images: NONE };
  below.above ??= new Map();
  below.above.set(path[below.depth] ?? '', node);
  return node;
}

/** The node of what a path has in common with the one that leads to `next`; its first layer is. */
function reached<Image>(next: Node<Image>, path: readonly string[]): Node<Image> {
  const { below } = next;
  if (!below) return next;
  const most = Math.min(next.depth, path.length);
  let depth = below.depth + 1;
  while (depth < most && next.path[depth] === path[depth]) depth += 1;
  if (depth === next.depth) return next;
  const parting = grown(below, next.path, depth);
  parting.above = new Map([[next.path[depth] ?? '', next]]);
  next.below = parting;
  return parting;
}
