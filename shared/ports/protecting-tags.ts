import type { ImageLocation } from '../domain/image/image.ts';
import type { Tagger } from './rollouts.ts';

/** Tags that keep images. */
export interface ProtectingTags extends Tagger {
  /**
   * Takes a protecting tag away, where its image has another one that does not move: with its last tag an image is
   * deleted. `false` where it has none, or the tag is gone already.
   * @param moves whether a tag is one that the next build takes over
   * @throws TaggerUnreachableError, TagNotTakenError
   */
  untag(place: ImageLocation, tag: string, moves: (tag: string) => boolean): Promise<boolean>;
}
