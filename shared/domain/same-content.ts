import { canonicalJson } from './json.ts';

/**
 * Whether two records would be stored as the same document: neither the order of members nor absent ones make a
 * difference, nor where an object was made.
 */
export const sameContent = (one: unknown, other: unknown): boolean => canonicalJson(one) === canonicalJson(other);
