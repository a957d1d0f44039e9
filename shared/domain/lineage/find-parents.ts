import type { Digest, IndexChild } from '../image/image.ts';
import { Claims } from './claimed-parents.ts';
import { cutCycles } from './cut-cycles.ts';
import { Chains, type Shown } from './layer-chains.ts';
import { diffIdsOf, type LayeredImage, merged } from './layered-image.ts';
import type { Parent, Parents } from './parent.ts';

/**
 * Finds the parent of each image from everything known of all images. Layers come before claims. The order and
 * repetition of images make no difference.
 * @param indexes the images of each index digest, because a label may name an index
 */
export function findParents(
  images: readonly LayeredImage[],
  indexes: ReadonlyMap<Digest, readonly IndexChild[]> = new Map(),
): Parents {
  const known = merged(images);
  const [byLayers, byDiffIds] = [new Chains(), new Chains()];
  const placed = Array.from(known.values(), (image) => ({
    image,
    layers: byLayers.add(image, image.layers),
    diffIds: byDiffIds.add(image, diffIdsOf(image)),
  }));
  const claims = new Claims(known, indexes);
  const parents = new Map<Digest, Parent>();
  for (const { image, layers, diffIds } of placed) {
    const shown = better(layers && byLayers.parentOf(image, layers), diffIds && byDiffIds.parentOf(image, diffIds));
    const parent = shown ?? claims.parentOf(image);
    if (parent) parents.set(image.digest, { digest: parent.image.digest, evidence: parent.evidence });
  }
  cutCycles(parents);
  return parents;
}

function better(byLayers: Shown | undefined, byDiffIds: Shown | undefined) {
  if (!byDiffIds || (byLayers && byLayers.layers >= byDiffIds.layers)) return byLayers;
  // Only a claim or a push distinguishes images with the same content, and these may contradict each other.
  const isShown = byDiffIds.evidence === 'layers' || byDiffIds.evidence === 'history';
  return isShown ? { ...byDiffIds, evidence: 'diff-ids' as const } : byDiffIds;
}

/** The ancestors of an image, its parent first, up to the last known one. */
export function ancestorsOf(parents: Parents, digest: Digest): readonly Parent[] {
  const ancestors: Parent[] = [];
  for (let parent = parents.get(digest); parent; parent = parents.get(parent.digest)) ancestors.push(parent);
  return ancestors;
}

/**
 * The nearest ancestor of another stream: a plan rebuilds that one first. An ancestor of the same stream shows the age
 * of the content, not what it is built from; the same goes for an ancestor that was only pushed earlier.
 */
export function streamBelow(
  parents: Parents,
  digest: Digest,
  streamOf: (digest: Digest) => string | undefined,
): (Parent & { readonly stream: string }) | undefined {
  const own = streamOf(digest);
  for (const parent of ancestorsOf(parents, digest)) {
    const stream = streamOf(parent.digest);
    if (stream !== undefined && stream !== own && parent.evidence !== 'earliest-push') return { ...parent, stream };
  }
  return undefined;
}
