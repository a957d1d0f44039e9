/** Keys that sign the paths of webhooks, the same in each run. */

import { createPrivateKey, type KeyObject } from 'node:crypto';
import { type PathKey, pathKeyOf } from '../../enforcement/build/path-key.ts';

/** PKCS #8 of Ed25519, up to the 32 bytes of the key. https://www.rfc-editor.org/rfc/rfc8410#section-7 */
const PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

export const privateKey = (number: number): KeyObject =>
  createPrivateKey({ key: Buffer.concat([PREFIX, Buffer.alloc(32, number)]), format: 'der', type: 'pkcs8' });

export const pathKey = (number: number): PathKey => pathKeyOf(privateKey(number));
