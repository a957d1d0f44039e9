import { createHash, timingSafeEqual } from 'node:crypto';
import { podSecretOf } from '../../shared/domain/admission/webhook-secret.ts';

/** What may be asked with a secret: nothing, all but to open a namespace, or everything. */
export type Opened = 'nothing' | 'pods' | 'everything';

/** What a person gets from a variable that is not set. */
const OF_NOTHING: ReadonlySet<string> = new Set(['', podSecretOf('')]);

/**
 * What the secret of a path opens. The stack knows secrets for pods by their SHA-256. It takes the same time whichever fits, and
 * whether any does.
 * @param hashes in Base64; two during a rotation
 */
export function openedBy(given: string, hashes: readonly string[]): Opened {
  const expected = hashes.map((hash) => Buffer.from(hash, 'base64'));
  const [isForPods, isForAll] = [given, podSecretOf(given)].map((secret) => {
    const hash = createHash('sha256').update(secret).digest();
    return expected.map((one) => timingSafeEqual(hash, one)).includes(true);
  });
  if (OF_NOTHING.has(given)) return 'nothing';
  if (isForAll) return 'everything';
  return isForPods ? 'pods' : 'nothing';
}
