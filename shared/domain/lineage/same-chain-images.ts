import { type HistoryStep, hasHistory, isBranchBuild, type LayeredImage, pushedFirst } from './layered-image.ts';

/** Images of one chain and one history: their content does not show which was first. */
class HistoryNode {
  readonly depth: number;
  /** By the next step of the history. */
  readonly above = new Map<string, HistoryNode>();
  #earliest?: LayeredImage;
  #likeliest?: LayeredImage;
  readonly #byStream = new Map<string, LayeredImage>();
  /** By the time of the last step: rebuilds do the same at another time. */
  readonly #byInstant = new Map<string, LayeredImage>();

  constructor(depth: number) {
    this.depth = depth;
  }

  add(image: LayeredImage): void {
    this.#earliest = earlier(this.#earliest, image);
    this.#likeliest = likelier(this.#likeliest, image);
    keep(this.#byStream, image.stream, image);
    keep(this.#byInstant, image.history?.[this.depth - 1]?.created, image);
  }

  get earliest(): LayeredImage | undefined {
    return this.#earliest;
  }

  /** The most likely parent of a child: by times, then as declared, then by likelihood. */
  parentOf(child: LayeredImage): LayeredImage | undefined {
    const instant = child.history?.[this.depth - 1]?.created;
    return (
      (instant === undefined ? undefined : this.#byInstant.get(instant)) ?? this.declaredBy(child) ?? this.#likeliest
    );
  }

  declaredBy({ digest, declaredParents = [] }: LayeredImage): LayeredImage | undefined {
    for (const stream of declaredParents) {
      const image = this.#byStream.get(stream);
      if (image && image.digest !== digest) return image;
    }
    return undefined;
  }
}

const earlier = (one: LayeredImage | undefined, other: LayeredImage): LayeredImage =>
  one && pushedFirst(one, other) < 0 ? one : other;

/**
 * Which of two images with the same content counts as the parent: one of a stream before a branch build, because a
 * rebuild of that stream replaces the content. Of two streams, or two branch builds, the one first pushed.
 */
const likelier = (one: LayeredImage | undefined, other: LayeredImage): LayeredImage =>
  one && isBranchBuild(one) !== isBranchBuild(other) ? (isBranchBuild(one) ? other : one) : earlier(one, other);

function keep(by: Map<string, LayeredImage>, key: string | undefined, image: LayeredImage): void {
  if (key !== undefined) by.set(key, likelier(by.get(key), image));
}

/** Which of them is the parent, and whether history shows it or only a declaration or an earlier push. */
export interface SameChainImage {
  readonly image: LayeredImage;
  readonly evidence: 'history' | 'declared' | 'earliest-push';
}

/**
 * All images of one chain for one platform. Their content is equal; only the histories of their configs differ, which
 * share a beginning while one is built on the other, and then part.
 */
export class SameChainImages {
  readonly #all = new HistoryNode(0);
  /** The images without history, with a tree over the histories of the others. */
  readonly #root = new HistoryNode(0);
  /** For each first step the longest history that begins with it, longest first. */
  readonly #longest: readonly Longest[];

  constructor(images: readonly LayeredImage[]) {
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
   * The parent of an image with more layers. Images whose history parts from the child's are its siblings. A history
   * without a common beginning was rewritten and proves nothing; neither does one shorter than the list of layers.
   */
  under(child: LayeredImage): LayeredImage | undefined {
    const steps = stepsOf(child);
    const tells = steps.length >= child.layers.length ? steps : [];
    const node = deepest(this.#root, tells, tells.length);
    if (node) return node.parentOf(child);
    const others = this.#longest.find(({ first }) => first !== tells[0]?.createdBy);
    return (others?.node ?? this.#root).parentOf(child);
  }

  /** The image with the same content to which this one only added metadata, if there is one. */
  within(image: LayeredImage): SameChainImage | undefined {
    const steps = stepsOf(image);
    const parent = deepest(this.#root, steps, steps.length - 1)?.parentOf(image);
    if (parent) return { image: parent, evidence: 'history' };
    const declared = this.#alike(steps).map((node) => node.declaredBy(image));
    const [first] = declared.filter((each) => each !== undefined);
    return first && { image: first, evidence: 'declared' };
  }

  /** The one first pushed among otherwise equal images, if that is another one. */
  before(image: LayeredImage): SameChainImage | undefined {
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

  /** Images with exactly these steps, and those without history; without steps all. */
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

/** The farthest node with images along these steps; the root does not count. */
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

const stepsOf = (image: LayeredImage): readonly HistoryStep[] => (hasHistory(image) ? (image.history ?? []) : []);

type Longest = { readonly first: string; readonly node: HistoryNode };

/** Of equal lengths the one first pushed counts as longer. */
const byLength = ({ node: one }: Longest, { node: other }: Longest): number =>
  one.depth - other.depth || (one.earliest && other.earliest ? pushedFirst(other.earliest, one.earliest) : 0);
