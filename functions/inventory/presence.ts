import { mapConcurrently } from '../../shared/concurrency.ts';
import type { Digest } from '../../shared/domain/image.ts';
import type { ImageRecord } from '../../shared/domain/records.ts';
import { type Usage, usageKey } from '../../shared/domain/usage.ts';
import type { ImageLedger, UsageLedger } from '../../shared/ports/ledger.ts';

const AT_ONCE = 16;

/** Marks images as in use where they are not. */
export async function markAsUsed(
  images: ImageLedger,
  digests: readonly Digest[],
  known: ReadonlyMap<Digest, ImageRecord>,
): Promise<void> {
  const unmarked = digests.filter((digest) => known.get(digest)?.inUse !== true);
  await mapConcurrently(unmarked, AT_ONCE, (digest) => images.recordPresence(digest, { inUse: true }));
}

/** Takes the mark away from images whose last usages anywhere are about to end. */
export async function markAsUnused(
  { images, usages }: { readonly images: ImageLedger; readonly usages: UsageLedger },
  digests: readonly Digest[],
  ending: readonly Usage[],
): Promise<void> {
  const ends = new Set(ending.map(usageKey));
  await mapConcurrently(digests, AT_ONCE, async (digest) => {
    const others = (await usages.ofImage(digest)).filter((usage) => !ends.has(usageKey(usage)));
    if (others.length === 0) await images.recordPresence(digest, { inUse: false });
  });
}
