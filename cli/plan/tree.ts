export interface TreeRow<Node> {
  readonly node: Node;
  /** Prefix of its name: `│  └─ `. */
  readonly branch: string;
}

/** The rows of the trees, each under its parent. Without recursion, because a chain of images may exceed the stack. */
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
