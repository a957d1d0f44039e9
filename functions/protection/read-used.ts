import type { Digest } from '../../shared/domain/image/image.ts';
import { UNREADABLE_ITEM } from '../../shared/domain/image/image-properties.ts';
import { UsedImages, type UsedRecord, type UsedRepository } from '../../shared/domain/retention/used-images.ts';
import { isUnconfirmed } from '../../shared/domain/review/run.ts';
import { readAncestors } from '../../shared/inventory/read-ancestors.ts';
import type { ImageLedger, ScopeLedger, UsageLedger } from '../../shared/ports/ledger.ts';

export interface ReadUsedPorts {
  readonly scopes: Pick<ScopeLedger, 'all'>;
  readonly usages: Pick<UsageLedger, 'all'>;
  readonly images: Pick<ImageLedger, 'get'>;
}

export interface Used {
  readonly repositories: readonly UsedRepository[];
  /** Running images and their ancestors whose items are unreadable: their own ancestors are unknown. */
  readonly unreadable: readonly Digest[];
}

/**
 * Reads running images and their ancestors from the ledger, by repository. Usages in unreadable scopes count as
 * running. So do usages in scopes that left, until a person confirms them. An unreadable usage still keeps its image. A
 * scope with an unreadable item may have left.
 */
export async function readUsed({ scopes, usages, images }: ReadUsedPorts): Promise<Used> {
  const used = new UsedImages();
  for await (const { scope, left, isUnreadable } of scopes.all()) {
    for await (const usage of usages.all(scope, 'live')) used.add(usage);
    if (isUnreadable || (left && isUnconfirmed(left)))
      for await (const usage of usages.all(scope, 'left')) used.add(usage);
  }
  const { known, unreadable } = await withAncestors(images, used.digests);
  return { repositories: used.byRepository(known), unreadable: [...unreadable].sort() };
}

/** Keeps only the lineage fields of each record, because verdicts are most of its size. */
async function withAncestors(
  images: ReadUsedPorts['images'],
  digests: readonly Digest[],
): Promise<{ readonly known: ReadonlyMap<Digest, UsedRecord>; readonly unreadable: ReadonlySet<Digest> }> {
  const unreadable = new Set<Digest>();
  const known = await readAncestors(images, digests, ({ digest, locations, lineage, stream, unresolved }) => {
    if (unresolved?.code === UNREADABLE_ITEM) unreadable.add(digest);
    return { locations, ...(lineage && { lineage }), ...(stream !== undefined && { stream }) };
  });
  return { known, unreadable };
}
