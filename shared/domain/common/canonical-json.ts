import { createHash } from 'node:crypto';
import { byKey } from './compare-texts.ts';

/** JSON with the keys of every object sorted: equal values give equal bytes. Members that are `undefined` are left out. */
export const canonicalJson = (value: unknown): string => JSON.stringify(value, (_, part: unknown) => sorted(part));

function sorted(part: unknown): unknown {
  if (typeof part !== 'object' || part === null || Array.isArray(part)) return part;
  const entries = Object.entries(part).sort(byKey);
  // No prototype, so that a member named __proto__ is one like any other.
  return Object.assign(Object.create(null), Object.fromEntries(entries));
}

/** SHA-256 as 64 hexadecimal digits. */
export const sha256Hex = (text: string): string => createHash('sha256').update(text).digest('hex');
