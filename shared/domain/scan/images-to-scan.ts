import { compareTexts } from '../common/compare-texts.ts';
import type { Digest } from '../image/image.ts';
import type { Parents } from '../lineage/parent.ts';
import type { StreamRecord } from '../stream/stream-record.ts';

/** Heads of parent streams, by the stream of an image. */
export type HeadsOf = (digest: Digest) => readonly Digest[];

interface Watched {
  readonly inUse: ReadonlySet<Digest>;
  /** Heads to scan although nothing that runs may be built on them. */
  readonly heads: Iterable<Digest>;
}

/**
 * The images to scan although they may not run: all ancestors of running images and of watched heads, and the current
 * heads of their streams with all ancestors. Only this shows in which tier a finding came in, and whether that tier has
 * fixed it since.
 * @returns sorted and unique; with the watched heads, without running images
 */
export function unusedToScan({ inUse, heads }: Watched, parents: Parents, headsOf: HeadsOf): readonly Digest[] {
  const found = new Set<Digest>(heads);
  const left: Digest[] = [...inUse, ...found];
  for (const digest of left) {
    const parent = parents.get(digest)?.digest;
    for (const below of parent === undefined ? [] : [parent, ...headsOf(parent)]) {
      if (found.has(below)) continue;
      found.add(below);
      left.push(below);
    }
  }
  return [...found].filter((digest) => !inUse.has(digest)).sort(compareTexts);
}

/** Only streams that others are built on; an image of another stream, or of none, has no relevant heads. */
export function headsByImage(
  streams: readonly StreamRecord[],
  streamOf: (digest: Digest) => string | undefined,
): HeadsOf {
  const heads = new Map(
    streams.flatMap(({ stream, tier, head }) =>
      tier === 'application' ? [] : [[stream, Object.values(head?.images ?? {})] as const],
    ),
  );
  return (digest) => heads.get(streamOf(digest) ?? '') ?? [];
}
