import { counted } from '../../shared/domain/common/counted.ts';
import { namedFailure } from '../../shared/domain/common/failure-text.ts';

/** Some repositories could not be checked. All others are checked, and each failed check names its error. */
export class ProtectionIncompleteError extends Error {
  override readonly name = 'ProtectionIncompleteError';
  constructor(failed: number, repository: string, cause: unknown) {
    const { error, detail } = namedFailure(cause);
    super(
      `The lifecycle policies of ${counted(failed, 'repository', 'repositories')} could not be checked, first ${repository}: ${error}: ${detail} ` +
        'The next check tries again. `patchwave protection` lists all of them.',
      { cause },
    );
  }
}

/** Ledger items of images in use are unreadable. All repositories were checked, and no protecting tag was removed. */
export class UsedImagesUnreadableError extends Error {
  override readonly name = 'UsedImagesUnreadableError';
  constructor(images: number, first: string) {
    super(
      `The ledger items of ${counted(images, 'image')} in use cannot be read, first IMAGE#${first} / IMAGE. Their parents are ` +
        'unknown, so no forecast covers these parents, and no protecting tag was removed. Correct or delete the items.',
    );
  }
}

/** The function timed out before this repository was checked. */
export class OutOfTimeError extends Error {
  override readonly name = 'OutOfTimeError';
  constructor() {
    super('Timed out before this repository was checked; it is first next time.');
  }
}
