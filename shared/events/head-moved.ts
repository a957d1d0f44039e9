import * as v from '../schema.ts';
import { published } from './contract.ts';
import { digest, text } from './parts.ts';

const head = v.strictObject({ images: v.record(text, digest), index: v.exactOptional(digest) });

/** Another image is the head of a stream, whoever pushed it. The first head that is ever seen is no move. */
export const headMoved = published('HeadMoved', 1, {
  stream: text,
  tier: v.picklist(['base', 'platform', 'application']),
  /** One image for each platform, and the index that holds them where there is one. */
  head,
  previousHead: head,
});
