import { onceForEach } from '../concurrency.ts';
import type { Digest } from '../domain/image/image.ts';
import type { ReadSystem } from '../domain/image/system.ts';
import type { ImageRecord } from '../domain/verdict/image-record.ts';
import type { SystemBelow } from '../domain/verdict/system-reasons.ts';
import type { ImageLedger } from '../ports/ledger.ts';

/** The system of an image: its own, or that of the next image below that names one. */
export type ReadSystemBelow = (image: ImageRecord) => Promise<SystemBelow | undefined>;

function belowOf(read: ReadSystem, digest: Digest): SystemBelow {
  if (read.kind !== 'named') return { system: read, digest };
  const { readAtEpochMs, ...system } = read;
  return { system, digest, readAtEpochMs };
}

/** A reader that reads each image once, however many are built on it. */
export function systemReader({ images }: { readonly images: Pick<ImageLedger, 'get'> }): ReadSystemBelow {
  const recordOf = onceForEach(async (digest: Digest) => (await images.get([digest])).get(digest));
  return async (image) => {
    const seen = new Set<Digest>();
    let unread: SystemBelow | undefined;
    for (let at: ImageRecord | undefined = image; at && !seen.has(at.digest); ) {
      const { digest, system, lineage }: ImageRecord = at;
      seen.add(digest);
      const found = system && belowOf(system, digest);
      if (found && found.system.kind !== 'unread') return found;
      unread ??= found;
      at = lineage?.parent && (await recordOf(lineage.parent.digest));
    }
    return unread;
  };
}
