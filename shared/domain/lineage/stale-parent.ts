import type { Digest, Platform } from '../image/image.ts';
import { headDigestOf } from '../stream/heads.ts';
import type { StreamRecord } from '../stream/stream-record.ts';
import { isSameContent } from './content-groups.ts';
import { streamBelow } from './find-parents.ts';
import type { Parents } from './parent.ts';
import { Variants } from './variants.ts';

/** An image is built on one that is not the head of its stream any more. */
export interface StaleParent {
  readonly stream: string;
  /** The head of that stream, as a whole (`headDigestOf`). */
  readonly head: Digest;
}

/** What of an image tells whether another one is built on it. */
export interface Placed {
  readonly stream?: string;
  readonly platform?: Platform;
  readonly chainId?: string;
  readonly unpackedId?: string;
}

/** All that tells who is behind. */
export interface KnownHeads {
  readonly parents: Parents;
  image(digest: Digest): Placed | undefined;
  headOf(stream: string): StreamRecord['head'];
}

/**
 * Whether what an image is built on has moved: the nearest stream below it has another head, for the platform of the image
 * and with other content. The same content under another digest, however packed, or a head for other platforms only, is no move.
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

/** The image of a head that a machine of some platform gets; none where nobody knows what the platform is. */
export const headFor = (platform: Platform | undefined, head: Head): Digest | undefined =>
  platform === undefined ? undefined : variantsOf(head).bestFor({ platform })[0]?.digest;

/** A head of many platforms is asked after by as many images. */
const VARIANTS = new WeakMap<Head, Variants<{ readonly platform: Platform; readonly digest: Digest }>>();

function variantsOf(head: Head) {
  const known = VARIANTS.get(head);
  if (known) return known;
  const images = Object.entries(head.images).map(([platform, digest]) => ({ platform: platform as Platform, digest }));
  const variants = new Variants(images);
  VARIANTS.set(head, variants);
  return variants;
}
