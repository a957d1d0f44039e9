import { onceForEach } from '../concurrency.ts';
import type { Digest } from '../domain/image/image.ts';
import type { Parent } from '../domain/lineage/parent.ts';
import type { Policy } from '../domain/policy/policy.ts';
import type { ImageRecord } from '../domain/verdict/image-record.ts';
import {
  coversImage,
  graceOfDoorsMs,
  WAIVED_ALONG,
  type WaivedAncestor,
  waiversOfOthers,
} from '../domain/verdict/waiver.ts';
import type { EvidenceStore } from '../ports/evidence.ts';
import type { ImageLedger } from '../ports/ledger.ts';
import { keptFindings } from './kept-findings.ts';

export interface AncestorPorts {
  readonly images: Pick<ImageLedger, 'get'>;
  readonly evidence: Pick<EvidenceStore, 'findings'>;
}

/** Ancestors of an image whose waivers may apply to it, with their findings. */
export type ReadAncestors = (
  image: ImageRecord,
  policy: Policy,
  nowEpochMs: number,
) => Promise<readonly WaivedAncestor[]>;

/**
 * A reader that reads each image once, however many are built on it. Without a waiver that covers other images,
 * in force or ended within the grace of doors, it reads nothing.
 */
export function ancestorReader({ images, evidence }: AncestorPorts): ReadAncestors {
  const recordOf = onceForEach(async (digest: Digest) => (await images.get([digest])).get(digest));
  const findingsOf = onceForEach(async (digest: Digest) => {
    const record = await recordOf(digest);
    return record && keptFindings(evidence, record);
  });
  return async (image, { waivers, doors }, nowEpochMs) => {
    const reaching = waiversOfOthers(waivers, image, nowEpochMs, graceOfDoorsMs(doors));
    if (reaching.length === 0) return [];
    const found: WaivedAncestor[] = [];
    const seen = new Set([image.digest]);
    for (let at: ImageRecord | undefined = image; at; ) {
      const link: Parent | undefined = at.lineage?.parent;
      if (!link || !WAIVED_ALONG.includes(link.evidence) || seen.has(link.digest)) break;
      seen.add(link.digest);
      const record: ImageRecord | undefined = await recordOf(link.digest);
      if (record && reaching.some((waiver) => coversImage(waiver, record))) {
        const { digest, locations, references, moreReferences, owner } = record;
        const findings = await findingsOf(digest);
        found.push({
          ...{ digest, locations },
          ...(references && { references }),
          ...(moreReferences !== undefined && { moreReferences }),
          ...(owner !== undefined && { owner }),
          ...(findings && { findings }),
        });
      }
      at = record;
    }
    return found;
  };
}
