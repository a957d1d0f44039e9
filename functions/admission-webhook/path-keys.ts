import { createHash, createPublicKey, type KeyObject, timingSafeEqual, verify } from 'node:crypto';
import {
  PATH_USES,
  type PathKind,
  type PathUse,
  podSecretOf,
  signedText,
} from '../../shared/domain/admission/webhook-path.ts';
import type { Cluster } from '../../shared/domain/image/usage.ts';

/** What a path may ask, and how it shows that. */
export interface OpenedPath {
  readonly use: PathUse;
  readonly kind: PathKind;
  /** During a rotation: which of the two keys signed it. */
  readonly key?: 'current' | 'next';
}

/** Ed25519: 64 bytes, as base64url without padding. */
const SIGNATURE = /^[A-Za-z0-9_-]{86}$/;
/** A cluster has two, and a third one where its door writes digests. */
const MOST_REMEMBERED = 400;
/** What a person gets from a variable that is not set. */
const OF_NOTHING: ReadonlySet<string> = new Set(['', podSecretOf('')]);

/** The public keys of a stack. Who reads them can sign nothing. */
export class PathKeys {
  readonly #keys: readonly KeyObject[];
  readonly #sharedSecretHash: Buffer | undefined;
  /** A cluster asks with the same two paths for months, and a check of one takes longer than all else that the function computes. */
  readonly #opened = new Map<string, OpenedPath>();

  /**
   * @param publicKeys of Ed25519, 32 bytes as base64url; two during a rotation; an empty one is none
   * @param sharedSecretHash of the secret for pods in files of version 0.2.0, in Base64; empty if none counts
   */
  constructor(publicKeys: readonly string[], sharedSecretHash = '') {
    const given = publicKeys.filter((key) => key !== '');
    this.#keys = given.map((x) => createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' }));
    this.#sharedSecretHash = sharedSecretHash === '' ? undefined : Buffer.from(sharedSecretHash, 'base64');
  }

  /** @returns `undefined` for a path that is none of this cluster's */
  opened(text: string, cluster: Cluster): OpenedPath | undefined {
    const { account, region, cluster: name } = cluster;
    const path = [text, account, region, name].join('/');
    const known = this.#opened.get(path);
    if (known) return known;
    const opened = this.#signed(text, cluster) ?? this.#shared(text);
    if (!opened) return undefined;
    this.#opened.set(path, opened);
    const [oldest = path] = this.#opened.keys();
    if (this.#opened.size > MOST_REMEMBERED) this.#opened.delete(oldest);
    return opened;
  }

  #signed(text: string, cluster: Cluster): OpenedPath | undefined {
    if (!SIGNATURE.test(text)) return undefined;
    const signature = Buffer.from(text, 'base64url');
    for (const [index, key] of this.#keys.entries()) {
      const use = PATH_USES.find((one) => verify(null, signedText(one, cluster), key, signature));
      if (!use) continue;
      return { use, kind: 'signed', ...(this.#keys.length > 1 && { key: index === 0 ? 'current' : 'next' }) };
    }
    return undefined;
  }

  /** Both secrets of version 0.2.0 count for pods only: nothing in such a path says which cluster asks. */
  #shared(text: string): OpenedPath | undefined {
    const expected = this.#sharedSecretHash;
    if (!expected || OF_NOTHING.has(text)) return undefined;
    const fits = [text, podSecretOf(text)].map((secret) =>
      timingSafeEqual(createHash('sha256').update(secret).digest(), expected),
    );
    return fits.includes(true) ? { use: 'pods', kind: 'shared-secret' } : undefined;
  }
}
