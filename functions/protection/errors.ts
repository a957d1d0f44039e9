import { counted } from '../../shared/domain/common/counted.ts';
import { namedFailure } from '../../shared/domain/common/failure-text.ts';

/** Some repositories could not be checked. All others are checked, and each failed check names its error. */
export class ProtectionIncompleteError extends Error {
  override readonly name = 'ProtectionIncompleteError';
  constructor(failed: number, repository: string, cause: unknown) {
    const { error, detail } = namedFailure(cause);
    super(
      `The lifecycle policies of ${counted(failed, 'repository', 'repositories')} could not be checked. The first is ${repository}: ${error}: ${detail.replace(/\.$/, '')}. ` +
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
      `Patchwave cannot read the ledger items of ${counted(images, 'image')} in use. The first is IMAGE#${first} / IMAGE. The ` +
        'parents of these images were not checked, and no protecting tag was removed. Correct or delete the items.',
    );
  }
}

/** The function timed out before this repository was checked. */
export class OutOfTimeError extends Error {
  override readonly name = 'OutOfTimeError';
  constructor() {
    super('The check ran out of time before it reached this repository. The next check begins with it.');
  }
}
