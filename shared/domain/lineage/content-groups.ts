import type { Digest } from '../image/image.ts';

/** The fields that identify the content of an image. */
export interface ContentKeys {
  readonly digest: Digest;
  /** The identity of its packed layers (`chainId`); absent if the manifest was not read. */
  readonly chainId?: string;
  /** The identity of its unpacked layers (`unpackedId`); absent if the config lacks it. */
  readonly unpackedId?: string;
}

/** Whether two images have the same content, packed or unpacked; never true for unknown content. */
export const isSameContent = (one: Partial<ContentKeys>, other: Partial<ContentKeys>): boolean =>
  isSameKey(one.digest, other.digest) ||
  isSameKey(one.chainId, other.chainId) ||
  isSameKey(one.unpackedId, other.unpackedId);

const isSameKey = (one: string | undefined, other: string | undefined): boolean => one !== undefined && one === other;

/** Groups images by content: equal layers or equal unpacked layers, transitively. Linear in the number of images. */
export function groupedByContent<Image extends ContentKeys>(images: readonly Image[]): Iterable<readonly Image[]> {
  const joined = new Map<string, string>();
  const rootOf = (key: string): string => {
    let root = key;
    for (let next = joined.get(root); next !== undefined; next = joined.get(root)) root = next;
    // Path compression: each key on the path now points to the root.
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
