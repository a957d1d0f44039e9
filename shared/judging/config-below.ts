import { onceForEach } from '../concurrency.ts';
import type { Digest } from '../domain/image/image.ts';
import type { LineageEvidence, Parent } from '../domain/lineage/parent.ts';
import type { Policy } from '../domain/policy/policy.ts';
import { asksForSource, type ConfigBelow } from '../domain/verdict/config-rules.ts';
import type { ImageRecord } from '../domain/verdict/image-record.ts';
import type { ImageLedger } from '../ports/ledger.ts';

/** What the config of the next image below says that another stream made; `undefined` if there is none. */
export type ReadConfigBelow = (image: ImageRecord, policy: Policy) => Promise<ConfigBelow | undefined>;

/** A parent that only a claim names may have any labels: if its config is not known, nothing follows. */
const BY_CONTENT: readonly LineageEvidence[] = ['layers', 'history', 'diff-ids', 'earliest-push'];

/**
 * A reader that reads each image once, however many are built on it. Earlier images of the same stream, and those with
 * the same content, are passed over: they are builds of the same source. It reads nothing for an image whose source no
 * rule asks for.
 */
export function configBelowReader({ images }: { readonly images: Pick<ImageLedger, 'get'> }): ReadConfigBelow {
  const recordOf = onceForEach(async (digest: Digest) => (await images.get([digest])).get(digest));
  return async (image, policy) => {
    if (!asksForSource(image, policy)) return undefined;
    const seen = new Set([image.digest]);
    for (let link: Parent | undefined = image.lineage?.parent; link && !seen.has(link.digest); ) {
      seen.add(link.digest);
      const record: ImageRecord | undefined = await recordOf(link.digest);
      const isSameSource =
        link.evidence === 'earliest-push' || (record?.stream !== undefined && record.stream === image.stream);
      if (!isSameSource) {
        if (record?.configFacts) return { facts: record.configFacts };
        return BY_CONTENT.includes(link.evidence) ? {} : undefined;
      }
      link = record?.lineage?.parent;
    }
    return undefined;
  };
}
