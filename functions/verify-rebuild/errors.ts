import type { Digest } from '../../shared/domain/image/image.ts';

/** The verified output has no candidate tag, so it is unknown which tag should move to it. */
export class NothingToPromoteError extends Error {
  override readonly name = 'NothingToPromoteError';
  constructor(stream: string, output: Digest) {
    super(
      `Output ${output} of stream ${stream} is verified, but has no candidate tag: a head tag of the stream, followed by \`-candidate\`. ` +
        'Let the pipeline push such a tag, or remove `promotes` from the rule.',
    );
  }
}

/** Another push took the tag during the rebuild: moving the tag would undo it. */
export class TagTakenError extends Error {
  override readonly name = 'TagTakenError';
  constructor(stream: string, tag: string, holder: Digest) {
    super(
      `Somebody moved tag ${tag} of stream ${stream} to ${holder} during the rebuild, so Patchwave leaves the tag there. ` +
        'Patchwave plans the stream again with its new head.',
    );
  }
}
