import type { Digest } from '../../shared/domain/image/image.ts';

/** A verified output bears no tag of a candidate, so nobody can tell which tag is to move to it. */
export class NothingToPromoteError extends Error {
  override readonly name = 'NothingToPromoteError';
  constructor(stream: string, output: Digest) {
    super(
      `Output ${output} of stream ${stream} is verified, but has no tag \`<tag>-candidate\` whose \`<tag>\` is a head tag. ` +
        'Make its pipeline push one, or remove `promotes` from the rule.',
    );
  }
}

/** Somebody pushed under the tag while the rebuild ran: moving it would undo that. */
export class TagTakenError extends Error {
  override readonly name = 'TagTakenError';
  constructor(stream: string, tag: string, holder: Digest) {
    super(
      `Somebody moved tag ${tag} of stream ${stream} to ${holder} during the rebuild, and it stays there. ` +
        'Patchwave plans the stream again with its new head.',
    );
  }
}
