import { namedFailure } from '../../shared/domain/common/failure-text.ts';

/** Some repositories could not be looked at. All others are, and the look at each of these names its failure. */
export class ProtectionIncompleteError extends Error {
  override readonly name = 'ProtectionIncompleteError';
  constructor(failed: number, repository: string, cause: unknown) {
    const { error, detail } = namedFailure(cause);
    super(
      `The lifecycle policies of ${failed} repositories could not be looked at, first ${repository}: ${error}: ${detail} ` +
        'See the others with `patchwave protection`; the next look tries them again.',
      { cause },
    );
  }
}

/** Items of images in use cannot be read. All repositories were looked at, and no protecting tag was taken back. */
export class UsedImagesUnreadableError extends Error {
  override readonly name = 'UsedImagesUnreadableError';
  constructor(images: number, first: string) {
    super(
      `The ledger items of ${images} images in use cannot be read, first IMAGE#${first} / IMAGE. Patchwave does not know what ` +
        'these images are built on: no forecast covers that, and no protecting tag was removed. Correct or delete the items.',
    );
  }
}

/** The function's time was over before this repository's turn came. */
export class OutOfTimeError extends Error {
  override readonly name = 'OutOfTimeError';
  constructor() {
    super('The time of the look was over before its turn came; it is first at the next.');
  }
}
