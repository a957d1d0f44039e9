import * as v from '../../schema.ts';
import { type Digest, isDigest } from './image.ts';

/** A digest in a document, an event or an input. */
export const digest = v.custom<Digest>(
  (value) => typeof value === 'string' && isDigest(value),
  'must be a SHA-256 digest',
);
