import type { Digest } from '../../shared/domain/image/image.ts';

/** A verified output bears no tag of a candidate, so nobody can tell which tag is to move to it. */
export class NothingToPromoteError extends Error {
  override readonly name = 'NothingToPromoteError';
  constructor(stream: string, output: Digest) {
    super(
      `Output ${output} of stream ${stream} is verified and bears no tag <tag>-candidate whose <tag> is a head tag. ` +
        'Let its pipeline push one, or take `promotes` out of the rule.',
    );
  }
}

/** Somebody pushed under the tag while the rebuild ran: moving it would undo that. */
export class TagTakenError extends Error {
  override readonly name = 'TagTakenError';
  constructor(stream: string, tag: string, holder: Digest) {
    super(
      `Tag ${tag} of stream ${stream} was moved to ${holder} while its rebuild ran, and stays there. ` +
        'The stream is planned again by its new head.',
    );
  }
}
