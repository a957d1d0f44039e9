import { namedFailure } from '../../shared/domain/failure-text.ts';

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

/** The function's time was over before this repository's turn came. */
export class OutOfTimeError extends Error {
  override readonly name = 'OutOfTimeError';
  constructor() {
    super('The time of the look was over before its turn came; it is first at the next.');
  }
}
