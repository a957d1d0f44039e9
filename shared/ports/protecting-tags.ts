import type { ImageLocation } from '../domain/image/image.ts';
import type { Tagger } from './rollouts.ts';

/** Tags that keep images. */
export interface ProtectingTags extends Tagger {
  /**
   * Removes a protecting tag if its image has another tag that does not move, because an image is deleted with its last
   * tag. `false` if there is no such tag, or it is already gone.
   * @param moves whether the next build moves a tag
   * @throws TaggerUnreachableError, TagNotTakenError
   */
  untag(place: ImageLocation, tag: string, moves: (tag: string) => boolean): Promise<boolean>;
}
