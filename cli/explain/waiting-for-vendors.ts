import { mapConcurrently } from '../../shared/concurrency.ts';
import type { Cause } from '../../shared/domain/cause/cause.ts';
import { type VendorDependency, VendorWaits } from '../../shared/domain/report/vendor-dependency.ts';
import type { ImageRecord } from '../../shared/domain/verdict/image-record.ts';
import { type VendorPorts, waitedFor } from '../../shared/judging/vendor-waits.ts';
import type { StreamImages } from '../../shared/ports/stream-images.ts';

const STREAMS_AT_ONCE = 8;

export type VendorLedger = VendorPorts & { readonly streamImages: Pick<StreamImages, 'of'> };

/** Vendor fixes that open causes wait for, by the current ledger. */
export async function waitingForVendors(
  ledger: VendorLedger,
  causes: readonly Cause[],
): Promise<readonly VendorDependency[]> {
  const waits = new VendorWaits(causes);
  const found = causes.filter(({ facts }) => facts.some(({ kind }) => kind === 'finding'));
  await mapConcurrently(found, STREAMS_AT_ONCE, async ({ stream }) => {
    const images = await ledger.images.get(await Array.fromAsync(ledger.streamImages.of(stream)));
    for (const image of images.values()) if (image.inUse) waits.add(image);
  });
  return waitedFor(ledger, waits);
}

/** The part of them that an image has itself. */
export const waitedForBy = (
  { stream, verdict }: ImageRecord,
  dependencies: readonly VendorDependency[],
): readonly VendorDependency[] =>
  dependencies.filter(
    (one) =>
      one.streams.includes(stream ?? '') &&
      verdict?.reasons.some(
        (reason) =>
          reason.kind === 'finding' &&
          reason.vulnerability === one.vulnerability &&
          reason.package === one.package &&
          reason.version === one.version,
      ),
  );
