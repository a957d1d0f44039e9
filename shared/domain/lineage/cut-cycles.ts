import { compareTexts } from '../common/compare-texts.ts';
import type { Digest } from '../image/image.ts';
import { LINEAGE_EVIDENCE, type LineageEvidence, type Parent, type Parents } from './parent.ts';

/** Layers and histories only grow, so they alone form no cycle. */
export const GROWING: readonly LineageEvidence[] = ['layers', 'history', 'diff-ids'];

/**
 * Claims and guesses may contradict each other: two images may name each other as parent. From each cycle the weakest
 * evidence is removed, so that each image has a place in the tree.
 */
export function cutCycles(parents: Map<Digest, Parent>): void {
  const done = new Set<Digest>();
  for (const [start, { evidence }] of parents) {
    if (GROWING.includes(evidence)) continue;
    const way = new Set<Digest>();
    let at: Digest | undefined = start;
    while (at !== undefined && !done.has(at) && !way.has(at)) {
      way.add(at);
      at = parents.get(at)?.digest;
    }
    if (at !== undefined && way.has(at)) parents.delete(weakest(circleFrom(at, parents), parents));
    for (const digest of way) done.add(digest);
  }
}

function circleFrom(start: Digest, parents: Parents): readonly Digest[] {
  const circle = [start];
  for (let at = parents.get(start)?.digest; at !== undefined && at !== start; at = parents.get(at)?.digest)
    circle.push(at);
  return circle;
}

function weakest(circle: readonly Digest[], parents: Parents): Digest {
  const rank = (digest: Digest): number => LINEAGE_EVIDENCE.indexOf(parents.get(digest)?.evidence ?? 'layers');
  return circle.toSorted((one, other) => rank(other) - rank(one) || compareTexts(one, other))[0] as Digest;
}
