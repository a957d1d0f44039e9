import type { Digest } from '../../shared/domain/image/image.ts';
import { UNREADABLE_ITEM } from '../../shared/domain/image/image-facts.ts';
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
  /** Images that run, or are below one that runs, whose items cannot be read: what they are built on is not known. */
  readonly unreadable: readonly Digest[];
}

/**
 * What runs, and all that it is built on, by repository: as the ledger knows it. What ran in a scope that cannot be read
 * now counts as running, and so does what ran in one that left, until a person confirms that nobody need wait for it. A
 * usage that cannot be read still keeps its image. Where the item of a scope cannot be read, it may have left.
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

/** Of each record only what leads on is kept: verdicts are most of it. */
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
