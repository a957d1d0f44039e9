import { piecesOf } from '../concurrency.ts';
import type { Digest } from '../domain/image/image.ts';
import { unpackedId } from '../domain/lineage/chain-id.ts';
import type { ImageContent } from '../domain/lineage/image-content.ts';
import { diffIdsOf } from '../domain/lineage/layered-image.ts';
import type { ImageRecord } from '../domain/verdict/image-record.ts';
import { LedgerItemUnreadableError } from '../ports/errors.ts';
import type { ContentLedger } from '../ports/ledger.ts';

/**
 * The contents of a large repository do not fit in memory together: each has all layers and the history of its image.
 */
const CONTENTS_AT_A_TIME = 100;

/**
 * Rewrites the contents of images whose record lacks their unpacked layers. An earlier version did not index content by
 * unpacked layers, so an image with repacked layers would never find it. Images whose config lacks them, or whose
 * content cannot be read, stay unchanged.
 * @param known images whose manifests are not read again
 * @returns the identity of the unpacked layers of each rewritten image (`unpackedId`)
 */
export async function rewriteOlder(
  ledger: Pick<ContentLedger, 'get' | 'record'>,
  known: Iterable<ImageRecord>,
): Promise<ReadonlyMap<Digest, string>> {
  const older = [...known].filter((image) => image.unpackedId === undefined && !image.unresolved);
  const rewritten = new Map<Digest, string>();
  for (const piece of piecesOf(older, CONTENTS_AT_A_TIME)) {
    const contents = await readableOf(
      ledger,
      piece.map(({ digest }) => digest),
    );
    const unpackable = contents.flatMap((content) => {
      const unpacked = unpackedId(diffIdsOf(content));
      return unpacked === undefined ? [] : [{ content, unpacked }];
    });
    await ledger.record(unpackable.map(({ content }) => content));
    for (const { content, unpacked } of unpackable) rewritten.set(content.digest, unpacked);
  }
  return rewritten;
}

/** An unreadable content does not stop the others; the search for parents names it. */
async function readableOf(
  ledger: Pick<ContentLedger, 'get'>,
  digests: readonly Digest[],
): Promise<readonly ImageContent[]> {
  try {
    return [...(await ledger.get(digests)).values()];
  } catch (error) {
    if (!(error instanceof LedgerItemUnreadableError)) throw error;
    if (digests.length === 1) return [];
    const middle = Math.ceil(digests.length / 2);
    return [
      ...(await readableOf(ledger, digests.slice(0, middle))),
      ...(await readableOf(ledger, digests.slice(middle))),
    ];
  }
}
