import { type Digest, locationKey } from './image.ts';
import type { ImageRecord } from './records.ts';

/** Why the image is not known that another one is built on. Nothing may be built in its place until it is. */
export interface Unplaced {
  readonly digest: Digest;
  /** Repositories (`locationKey`) that must be read first, as far as they are known; sorted, each once. */
  readonly repositories: readonly string[];
  /** What the registry answered when the image itself was read; absent where it could be read, or was never asked for. */
  readonly problem?: string;
}

/** An artifact that never is an image, as an attestation: nothing is to be read of it. */
const NO_IMAGE = 'not-an-image';

/**
 * Whether the parent of an image is unknown because something was not read. Without its manifest and config an image shows no
 * parent. With both it shows none until a search for parents has looked among all images that may be the parent.
 * @returns `undefined` where a search has found its parent, or has found that no known image is below it
 */
export function unplacedOf({
  digest,
  standing,
  unresolved,
  locations,
}: Pick<ImageRecord, 'digest' | 'standing' | 'unresolved' | 'locations'>): Unplaced | undefined {
  if (unresolved && unresolved.code !== NO_IMAGE)
    return { digest, repositories: locations.map(locationKey).sort(), problem: unresolved.detail };
  return standing ? undefined : { digest, repositories: [] };
}

/** What is not known, why, and the next step. */
export function unplacedText({ digest, repositories, problem }: Unplaced): string {
  const places = repositories.join(', ');
  const what = `Patchwave does not know which image ${digest} is built on`;
  if (problem !== undefined)
    return `${what}: it could not read this image in ${places} (${problem}). Give Patchwave access to that registry. The next review, or the next look at the repository, reads the image.`;
  return `${what}: no review has placed this image yet. The next review does. If that review names a base or platform registry that it could not read, give Patchwave access there, or declare \`parents\` in the rule of the stream.`;
}
