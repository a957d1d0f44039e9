import type { Digest } from '../image/image.ts';

/** What tells the content of an image. */
export interface ContentKeys {
  readonly digest: Digest;
  /** Identity of its layers as they are packed (`chainId`); absent where the manifest was not read. */
  readonly chainId?: string;
  /** Identity of what its layers unpack to (`unpackedId`); absent where the config does not tell. */
  readonly unpackedId?: string;
}

/** Whether two images hold the same, in the same layers or in layers that unpack to the same; never true of what is not known. */
export const isSameContent = (one: Partial<ContentKeys>, other: Partial<ContentKeys>): boolean =>
  isSameKey(one.digest, other.digest) ||
  isSameKey(one.chainId, other.chainId) ||
  isSameKey(one.unpackedId, other.unpackedId);

const isSameKey = (one: string | undefined, other: string | undefined): boolean => one !== undefined && one === other;

/**
 * Images by their content: those with the same layers or with layers that unpack to the same are one group, and so is
 * everything that is the same as one of these. Linear in the number of images.
 */
export function groupedByContent<Image extends ContentKeys>(images: readonly Image[]): Iterable<readonly Image[]> {
  const joined = new Map<string, string>();
  const rootOf = (key: string): string => {
    let root = key;
    for (let next = joined.get(root); next !== undefined; next = joined.get(root)) root = next;
    // Each key of the way leads straight to the root from now on.
    for (let at = key; at !== root; ) {
      const next = joined.get(at) ?? root;
      joined.set(at, root);
      at = next;
    }
    return root;
  };
  for (const { digest, chainId = digest, unpackedId = chainId } of images) {
    const [one, other] = [rootOf(chainId), rootOf(unpackedId)];
    if (one !== other) joined.set(one, other);
  }
  return Map.groupBy(images, ({ digest, chainId = digest }) => rootOf(chainId)).values();
}
