import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { UsageError } from '../../cli/errors.ts';
import { signedText } from '../../shared/domain/admission/webhook-path.ts';
import type { SignedWebhook } from './webhook-configuration.ts';

/** The key with which the operator signs the paths of webhooks. */
export interface PathKey {
  readonly sign: SignedWebhook['sign'];
  /** As the parameters of doors.yaml have it: 32 bytes, base64url. */
  readonly publicKey: string;
}

/** @throws UsageError if the file has no private key of Ed25519, or others than its owner may read it */
export async function pathKeyIn(path: string): Promise<PathKey> {
  return pathKeyOf(await privateKeyIn(path));
}

export const pathKeyOf = (key: KeyObject): PathKey => ({
  sign: (use, cluster) => sign(null, signedText(use, cluster), key).toString('base64url'),
  publicKey: createPublicKey(key).export({ format: 'jwk' }).x ?? '',
});

/** Who has the key can send reviews for every cluster. */
const OTHERS_MAY_READ = 0o077;

async function privateKeyIn(path: string): Promise<KeyObject> {
  const text = await textIn(path);
  if (((await stat(path)).mode & OTHERS_MAY_READ) !== 0)
    throw new UsageError(
      `${path} can be read by others than its owner. Run chmod 600 on it, and make a new key if others had access.`,
    );
  try {
    const key = createPrivateKey(text);
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch (cause) {
    throw new UsageError(`${path} has no private key in PEM without a passphrase. ${MAKE_ONE}`, { cause });
  }
  throw new UsageError(`${path} has a private key that is not of Ed25519. ${MAKE_ONE}`);
}

const MAKE_ONE = 'Make one: openssl genpkey -algorithm ed25519 -out FILE';

async function textIn(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new UsageError(
      `${path} cannot be read (${(cause as NodeJS.ErrnoException).code}). Name the file of the key with --key.`,
      { cause },
    );
  }
}
