import { compareTexts } from '../common/compare-texts.ts';
import type { Digest } from '../image/image.ts';
import type { Parents } from '../lineage/parent.ts';
import type { StreamRecord } from '../stream/stream-record.ts';

/** Heads of streams that others are built upon, by the stream of an image. */
export type HeadsOf = (digest: Digest) => readonly Digest[];

/**
 * What is looked at though nothing may run it: everything that running images are built on, and what the streams of that make
 * now, with all that stands below it. Only so it is known in which tier a finding came in, and whether the tier has
 * fixed it since.
 * @returns in a fixed order, each once; without what runs
 */
export function ancestorsOfRunning(inUse: ReadonlySet<Digest>, parents: Parents, headsOf: HeadsOf): readonly Digest[] {
  const found = new Set<Digest>();
  const left: Digest[] = [...inUse];
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

/** By base and platform streams; an image of another one, or of none, has no heads that count. */
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
