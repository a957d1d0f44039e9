import { mapConcurrently, piecesOf } from '../../shared/concurrency.ts';
import type { Digest } from '../../shared/domain/image.ts';
import { isUnconfirmed } from '../../shared/domain/run.ts';
import { UsedImages, type UsedRecord, type UsedRepository } from '../../shared/domain/used-images.ts';
import type { ImageLedger, ScopeLedger, UsageLedger } from '../../shared/ports/ledger.ts';

const PIECE = 100;
const PIECES_AT_ONCE = 4;

export interface ReadUsedPorts {
  readonly scopes: Pick<ScopeLedger, 'all'>;
  readonly usages: Pick<UsageLedger, 'live' | 'left'>;
  readonly images: Pick<ImageLedger, 'get'>;
}

/**
 * What runs, and all that it stands on, by repository: as the ledger knows it. What ran in a scope that cannot be read
 * now counts as running, and so does what ran in one that left, until a person confirms that nobody need wait for it.
 */
export async function readUsed({ scopes, usages, images }: ReadUsedPorts): Promise<readonly UsedRepository[]> {
  const used = new UsedImages();
  for await (const { scope, left } of scopes.all()) {
    for await (const usage of usages.live(scope)) used.add(usage);
    if (left && isUnconfirmed(left)) for await (const usage of usages.left(scope)) used.add(usage);
  }
  return used.byRepository(await withAncestors(images, used.digests));
}

/** Of each record only what leads on is kept: verdicts are most of it. */
async function withAncestors(
  images: ReadUsedPorts['images'],
  digests: readonly Digest[],
): Promise<ReadonlyMap<Digest, UsedRecord>> {
  const known = new Map<Digest, UsedRecord>();
  const asked = new Set(digests);
  for (let left = digests; left.length > 0; ) {
    const below = new Set<Digest>();
    await mapConcurrently(piecesOf(left, PIECE), PIECES_AT_ONCE, async (piece) => {
      for (const [digest, { locations, standing, stream }] of await images.get(piece)) {
        known.set(digest, { locations, ...(standing && { standing }), ...(stream !== undefined && { stream }) });
        const parent = standing?.parent?.digest;
        if (parent !== undefined && !asked.has(parent)) below.add(parent);
      }
    });
    left = [...below];
    for (const digest of left) asked.add(digest);
  }
  return known;
}
