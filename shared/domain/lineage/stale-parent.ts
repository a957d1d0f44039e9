import type { Digest, Platform } from '../image/image.ts';
import { headDigestOf } from '../stream/heads.ts';
import type { StreamRecord } from '../stream/stream-record.ts';
import { isSameContent } from './content-groups.ts';
import { streamBelow } from './find-parents.ts';
import type { Parents } from './parent.ts';
import { Variants } from './variants.ts';

/** An image is built on an image that is no longer the head of its stream. */
export interface StaleParent {
  readonly stream: string;
  /** The digest of the whole head of that stream (`headDigestOf`). */
  readonly head: Digest;
}

/** The fields of an image that show whether another one is built on it. */
export interface Placed {
  readonly stream?: string;
  readonly platform?: Platform;
  readonly chainId?: string;
  readonly unpackedId?: string;
}

/** The input for finding stale parents. */
export interface KnownHeads {
  readonly parents: Parents;
  image(digest: Digest): Placed | undefined;
  headOf(stream: string): StreamRecord['head'];
}

/**
 * Whether the parent of an image has moved: the nearest parent stream has another head for the image's platform with
 * other content. The same content under another digest, however packed, or a head for other platforms only, is no move.
 */
export function staleParentOf(digest: Digest, { parents, image, headOf }: KnownHeads): StaleParent | undefined {
  const below = streamBelow(parents, digest, (one) => image(one)?.stream);
  const head = below && headOf(below.stream);
  const now = head && headFor(image(digest)?.platform, head);
  if (!below || !head || now === undefined || isSame(now, below.digest)) return undefined;
  return { stream: below.stream, head: headDigestOf(head) ?? now };

  function isSame(one: Digest, other: Digest): boolean {
    return isSameContent({ ...image(one), digest: one }, { ...image(other), digest: other });
  }
}

type Head = Pick<NonNullable<StreamRecord['head']>, 'images'>;

/** The image of a head for a machine of some platform; `undefined` if the platform is unknown. */
export const headFor = (platform: Platform | undefined, head: Head): Digest | undefined =>
  platform === undefined ? undefined : variantsOf(head).bestFor({ platform })[0]?.digest;

/** Cached, because a head of many platforms is looked up for as many images. */
const VARIANTS = new WeakMap<Head, Variants<{ readonly platform: Platform; readonly digest: Digest }>>();

function variantsOf(head: Head) {
  const known = VARIANTS.get(head);
  if (known) return known;
  const images = Object.entries(head.images).map(([platform, digest]) => ({ platform: platform as Platform, digest }));
  const variants = new Variants(images);
  VARIANTS.set(head, variants);
  return variants;
}
