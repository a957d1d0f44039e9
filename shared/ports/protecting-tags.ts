import type { ImageLocation } from '../domain/image.ts';
import type { Tagger } from './rollouts.ts';

/** Tags that keep images. */
export interface ProtectingTags extends Tagger {
  /**
   * Takes a tag away, where its image has another one: with its last tag an image is deleted. `false` where it has none,
   * or the tag is gone already.
   * @throws TaggerUnreachableError, TagNotTakenError
   */
  untag(place: ImageLocation, tag: string): Promise<boolean>;
}
