import * as v from '../../shared/schema.ts';
import { InvalidReviewError } from './errors.ts';
import { type AdmissionReview, admissionReview } from './input.ts';

/** An update carries two objects, of at most 1.5 MB each: etcd keeps no larger one. */
export const MOST_BYTES = 4 * 1024 * 1024;

/** A body that is larger than any that an API server sends. */
export class ReviewTooLargeError extends Error {
  override readonly name = 'ReviewTooLargeError';

  constructor(bytes: number) {
    super(`The body has ${bytes} bytes. An AdmissionReview has at most ${MOST_BYTES}.`);
  }
}

/**
 * The review in the body of a request.
 * @throws InvalidReviewError that names what is wrong, and holds nothing of the body; ReviewTooLargeError
 */
export function readReview(body: string | undefined, isBase64Encoded: boolean): AdmissionReview {
  const parsed = v.safeParse(admissionReview, jsonIn(bytesOf(body ?? '', isBase64Encoded)), { abortEarly: true });
  if (!parsed.success) throw new InvalidReviewError(parsed.problems.map((one) => v.problemText(one)).join('; '));
  return parsed.data;
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

function bytesOf(body: string, isBase64Encoded: boolean): Buffer {
  const length = isBase64Encoded ? Math.floor((body.length * 3) / 4) : Buffer.byteLength(body);
  if (length > MOST_BYTES) throw new ReviewTooLargeError(length);
  if (!isBase64Encoded) return Buffer.from(body);
  if (body.length % 4 !== 0 || !BASE64.test(body)) throw new InvalidReviewError('the body is not Base64');
  return Buffer.from(body, 'base64');
}

/** The error of `JSON.parse` would hold a part of the body. */
function jsonIn(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new InvalidReviewError('the body is not JSON');
  }
}
