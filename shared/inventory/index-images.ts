import type { Digest } from '../domain/image/image.ts';
import type { PlaceLedger } from '../ports/ledger.ts';

/** The images of an index, one per platform; an image itself if it is no index. */
export async function imagesUnder(places: Pick<PlaceLedger, 'indexes'>, digest: Digest): Promise<readonly Digest[]> {
  const children = (await places.indexes([digest])).get(digest);
  return children ? [...new Set(children.map((child) => child.digest))] : [digest];
}
