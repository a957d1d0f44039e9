import { mapConcurrently, piecesOf } from '../../shared/concurrency.ts';
import type { Digest } from '../../shared/domain/image/image.ts';
import { UNREADABLE_ITEM } from '../../shared/domain/image/image-facts.ts';
import { UsedImages, type UsedRecord, type UsedRepository } from '../../shared/domain/retention/used-images.ts';
import { isUnconfirmed } from '../../shared/domain/review/run.ts';
import type { ImageLedger, ScopeLedger, UsageLedger } from '../../shared/ports/ledger.ts';

const PIECE = 100;
const PIECES_AT_ONCE = 4;

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
 * What runs, and all that it stands on, by repository: as the ledger knows it. What ran in a scope that cannot be read
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
  const known = new Map<Digest, UsedRecord>();
  const unreadable = new Set<Digest>();
  const asked = new Set(digests);
  for (let left = digests; left.length > 0; ) {
    const below = new Set<Digest>();
    await mapConcurrently(piecesOf(left, PIECE), PIECES_AT_ONCE, async (piece) => {
      for (const [digest, { locations, standing, stream, unresolved }] of await images.get(piece)) {
        if (unresolved?.code === UNREADABLE_ITEM) unreadable.add(digest);
        known.set(digest, { locations, ...(standing && { standing }), ...(stream !== undefined && { stream }) });
        const parent = standing?.parent?.digest;
        if (parent !== undefined && !asked.has(parent)) below.add(parent);
      }
    });
    left = [...below];
    for (const digest of left) asked.add(digest);
  }
  return { known, unreadable };
}
