import { type HistoryStep, hasHistory, isBranchBuild, type LineageFacts, pushedFirst } from './lineage-facts.ts';

/** Images of one chain and one history: nothing in their content tells which was there first. */
class HistoryNode {
  readonly depth: number;
  /** By what was done next. */
  readonly above = new Map<string, HistoryNode>();
  #earliest?: LineageFacts;
  #likeliest?: LineageFacts;
  readonly #byStream = new Map<string, LineageFacts>();
  /** By when the last step was done: rebuilds do the same at another time. */
  readonly #byInstant = new Map<string, LineageFacts>();

  constructor(depth: number) {
    this.depth = depth;
  }

  add(image: LineageFacts): void {
    this.#earliest = earlier(this.#earliest, image);
    this.#likeliest = likelier(this.#likeliest, image);
    keep(this.#byStream, image.stream, image);
    keep(this.#byInstant, image.history?.[this.depth - 1]?.created, image);
  }

  get earliest(): LineageFacts | undefined {
    return this.#earliest;
  }

  /** The one that a child was built upon, as far as can be told: by instants, then as declared, then the likeliest. */
  parentOf(child: LineageFacts): LineageFacts | undefined {
    const instant = child.history?.[this.depth - 1]?.created;
    return (
      (instant === undefined ? undefined : this.#byInstant.get(instant)) ?? this.declaredBy(child) ?? this.#likeliest
    );
  }

  declaredBy({ digest, declaredParents = [] }: LineageFacts): LineageFacts | undefined {
    for (const stream of declaredParents) {
      const image = this.#byStream.get(stream);
      if (image && image.digest !== digest) return image;
    }
    return undefined;
  }
}

const earlier = (one: LineageFacts | undefined, other: LineageFacts): LineageFacts =>
  one && pushedFirst(one, other) < 0 ? one : other;

/**
 * Which of two with the same content a child is taken to be built upon: one of a stream before a branch build, since a
 * rebuild of that stream replaces the content. Of two streams, or of two branch builds, the first pushed.
 */
const likelier = (one: LineageFacts | undefined, other: LineageFacts): LineageFacts =>
  one && isBranchBuild(one) !== isBranchBuild(other) ? (isBranchBuild(one) ? other : one) : earlier(one, other);

function keep(by: Map<string, LineageFacts>, key: string | undefined, image: LineageFacts): void {
  if (key !== undefined) by.set(key, likelier(by.get(key), image));
}

/** Which of them is the parent, and whether history says so or only that it was declared or pushed earlier. */
export interface SameChainImage {
  readonly image: LineageFacts;
  readonly evidence: 'history' | 'declared' | 'earliest-push';
}

/**
 * All images of one chain, for one platform. Their content is the same; what tells them apart are the histories of their
 * configs, which begin alike as long as one was built upon the other, and then part.
 */
export class SameChainImages {
  readonly #all = new HistoryNode(0);
  /** Those without history, and under it a tree over the histories of the others. */
  readonly #root = new HistoryNode(0);
  /** Of each first step the longest history that begins with it, longest first. */
  readonly #longest: readonly Longest[];

  constructor(images: readonly LineageFacts[]) {
    const nodes = new Map<HistoryNode, string>();
    for (const image of images) {
      this.#all.add(image);
      const steps = stepsOf(image);
      const node = grownTo(this.#root, steps);
      node.add(image);
      if (steps[0]) nodes.set(node, steps[0].createdBy);
    }
    const shortestFirst = [...nodes].map(([node, first]) => ({ node, first })).sort(byLength);
    this.#longest = [...new Map(shortestFirst.map((each) => [each.first, each])).values()].sort(byLength).reverse();
  }

  /**
   * The one that an image with more layers was built upon. Those whose history begins as the child's and then parts
   * from it are its siblings. A history that shares not even its beginning was rewritten and tells nothing; nor does
   * one that is shorter than the list of layers.
   */
  under(child: LineageFacts): LineageFacts | undefined {
    const steps = stepsOf(child);
    const tells = steps.length >= child.layers.length ? steps : [];
    const node = deepest(this.#root, tells, tells.length);
    if (node) return node.parentOf(child);
    const others = this.#longest.find(({ first }) => first !== tells[0]?.createdBy);
    return (others?.node ?? this.#root).parentOf(child);
  }

  /** The one of the same content that this image only added metadata to, if there is one. */
  within(image: LineageFacts): SameChainImage | undefined {
    const steps = stepsOf(image);
    const parent = deepest(this.#root, steps, steps.length - 1)?.parentOf(image);
    if (parent) return { image: parent, evidence: 'history' };
    const declared = this.#alike(steps).map((node) => node.declaredBy(image));
    const [first] = declared.filter((each) => each !== undefined);
    return first && { image: first, evidence: 'declared' };
  }

  /** The first pushed of those that nothing else tells apart, if that is another one. */
  before(image: LineageFacts): SameChainImage | undefined {
    const steps = stepsOf(image);
    const earliest = this.#alike(steps)
      .flatMap((node) => node.earliest ?? [])
      .sort(pushedFirst)[0];
    const isEarlier =
      earliest?.firstPushedAtEpochMs !== undefined &&
      image.firstPushedAtEpochMs !== undefined &&
      earliest.firstPushedAtEpochMs < image.firstPushedAtEpochMs;
    return isEarlier ? { image: earliest, evidence: 'earliest-push' } : undefined;
  }

  /** Those with these very steps and those that tell none; without steps all. */
  #alike(steps: readonly HistoryStep[]): readonly HistoryNode[] {
    if (steps.length === 0) return [this.#all];
    const same = deepest(this.#root, steps, steps.length);
    return same?.depth === steps.length ? [same, this.#root] : [this.#root];
  }
}

function grownTo(root: HistoryNode, steps: readonly HistoryStep[]): HistoryNode {
  let node = root;
  for (const { createdBy } of steps) {
    const next = node.above.get(createdBy) ?? new HistoryNode(node.depth + 1);
    node.above.set(createdBy, next);
    node = next;
  }
  return node;
}

/** The pool with images that lies farthest along these steps; the one of no steps does not count. */
function deepest(root: HistoryNode, steps: readonly HistoryStep[], most: number): HistoryNode | undefined {
  let node: HistoryNode | undefined = root;
  let found: HistoryNode | undefined;
  for (let depth = 0; depth < most; depth += 1) {
    node = node.above.get(steps[depth]?.createdBy ?? '');
    if (!node) return found;
    if (node.earliest) found = node;
  }
  return found;
}

const stepsOf = (image: LineageFacts): readonly HistoryStep[] => (hasHistory(image) ? (image.history ?? []) : []);

type Longest = { readonly first: string; readonly node: HistoryNode };

/** Of equal lengths the one pushed first counts as longer. */
const byLength = ({ node: one }: Longest, { node: other }: Longest): number =>
  one.depth - other.depth || (one.earliest && other.earliest ? pushedFirst(other.earliest, one.earliest) : 0);
