export interface TreeRow<Node> {
  readonly node: Node;
  /** What stands before its name: `│  └─ `. */
  readonly branch: string;
}

/**
 * The rows of trees, each under the one that it belongs to. Without recursion: a chain of images may be longer than the
 * stack is deep.
 */
export function* treeRows<Node>(
  roots: readonly Node[],
  childrenOf: (node: Node) => readonly Node[],
): Iterable<TreeRow<Node>> {
  const open = roots.map((node) => ({ node, branch: '', below: '' })).reverse();
  for (let next = open.pop(); next; next = open.pop()) {
    const { node, branch, below } = next;
    yield { node, branch };
    for (const [fromLast, child] of childrenOf(node).toReversed().entries()) {
      const isLast = fromLast === 0;
      open.push({
        node: child,
        branch: `${below}${isLast ? '└─ ' : '├─ '}`,
        below: `${below}${isLast ? '   ' : '│  '}`,
      });
    }
  }
}
