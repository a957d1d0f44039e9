/** A node of the trie: a chain at which images end, or at which two chains part. */
export interface ChainNode<Image> {
  /** Layers from the lowest on. */
  readonly depth: number;
  /** The next shorter chain of the trie; absent for the empty chain. */
  readonly below?: ChainNode<Image>;
  /** The image whose layers these are, from the lowest on; more may follow. */
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
 * A trie over chains of layers. Layers at which no image ends and no two chains part share one node, so there are at
 * most two nodes per image, and an insertion compares each layer once.
 */
export class ChainTrie<Image> {
  readonly #root: Node<Image> = { depth: 0, path: [], images: [] };

  /** The node at the end of a path, created if needed; it stays the node of that path. */
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

/** Allocates no list until an image comes. */
const NONE: never[] = [];

function grown<Image>(below: Node<Image>, path: readonly string[], depth: number): Node<Image> {
  const node: Node<Image> = { depth, below, path, images: NONE };
  below.above ??= new Map();
  below.above.set(path[below.depth] ?? '', node);
  return node;
}

/** The node for the common part of a path and the one that leads to `next`; they share their first layer. */
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
