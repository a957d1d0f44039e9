import type { Digest, Platform } from '../image/image.ts';
import { type ChainNode, ChainTrie } from './chain-trie.ts';
import { byVariant, hasContent, type LayeredImage, mayBear } from './layered-image.ts';
import { type SameChainImage, SameChainImages } from './same-chain-images.ts';
import { machineOf, Variants } from './variants.ts';

/** A parent that the content shows. */
export interface Shown {
  readonly image: LayeredImage;
  readonly evidence: 'layers' | SameChainImage['evidence'];
  /** How many layers show it; zero if only the order of pushes separates images with equal layers. */
  readonly layers: number;
}

type Chain = ChainNode<LayeredImage>;

/**
 * Images by their chains of layers, or of unpacked layers. Each machine has its own trie, because a layer of plain
 * files is the same on all of them.
 */
export class Chains {
  readonly #tries = new Map<string, ChainTrie<LayeredImage>>();
  readonly #groups = new Map<Chain, Variants<Group>>();

  /** The chain of the image; none if it is empty. Read parents only after all images are added. */
  add(image: LayeredImage, layers: readonly Digest[]): Chain | undefined {
    if (!hasContent(layers)) return undefined;
    const machine = machineOf(image);
    const trie = this.#tries.get(machine) ?? new ChainTrie<LayeredImage>();
    this.#tries.set(machine, trie);
    return mayBear(image) ? trie.add(layers, image) : trie.nodeOf(layers);
  }

  /**
   * Prefers, in the same chain, the image that this one adds metadata to; otherwise the images of the longest shorter
   * chain. Images separated only by the order of pushes share one parent; only without one is the first of them the
   * parent.
   */
  parentOf(image: LayeredImage, end: Chain): Shown | undefined {
    const images = this.#suited(end, image);
    const within = firstOf(images, (each) => each.within(image));
    if (within) return { ...within, layers: end.depth };
    const below = this.#under(end, image);
    if (below) return below;
    const before = firstOf(images, (each) => each.before(image));
    return before && { ...before, layers: 0 };
  }

  #under(end: Chain, child: LayeredImage): Shown | undefined {
    for (let node = end.below; node && node.depth > 0; node = node.below) {
      const image = firstOf(this.#suited(node, child), (images) => images.under(child));
      if (image) return { image, evidence: 'layers', layers: node.depth };
    }
    return undefined;
  }

  /** The images of a chain by platform, best match for the child first (`Variants`). */
  #suited(node: Chain, child: LayeredImage): readonly SameChainImages[] {
    const { images } = node;
    if (images.length === 0 || (images.length === 1 && images[0]?.digest === child.digest)) return NONE;
    let groups = this.#groups.get(node);
    if (!groups) {
      groups = new Variants(
        byVariant(images).map(([platform, group]) => ({ platform, images: new SameChainImages(group) })),
      );
      this.#groups.set(node, groups);
    }
    return groups.bestFor(child).map(({ images }) => images);
  }
}

const NONE: readonly SameChainImages[] = [];

interface Group {
  readonly platform: Platform;
  readonly images: SameChainImages;
}

function firstOf<Found>(
  images: readonly SameChainImages[],
  find: (each: SameChainImages) => Found | undefined,
): Found | undefined {
  for (const each of images) {
    const found = find(each);
    if (found) return found;
  }
  return undefined;
}
