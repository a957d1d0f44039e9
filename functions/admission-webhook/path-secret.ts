import { createHash, timingSafeEqual } from 'node:crypto';

/**
 * Whether a path begins with one of the secrets that the stack knows by their SHA-256. It takes the same time whichever
 * fits, and whether any does.
 * @param hashes in Base64; two during a rotation
 */
export function isPathSecret(given: string, hashes: readonly string[]): boolean {
  const hash = createHash('sha256').update(given).digest();
  const fits = hashes.map((expected) => timingSafeEqual(hash, Buffer.from(expected, 'base64')));
  // The hash of nothing is what a person gets from a variable that is not set.
  return given !== '' && fits.includes(true);
}
