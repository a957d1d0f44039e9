import type { Key } from './keys.ts';

/** The attributes of an item besides its key. */
export interface ItemContent {
  readonly kind: string;
  readonly [attribute: string]: unknown;
}

export type Item = Key & ItemContent;

/** The condition of a write on the existing item. Names and values as in a DynamoDB condition expression. */
export interface Condition {
  readonly expression: string;
  readonly names?: Readonly<Record<string, string>>;
  readonly values?: Readonly<Record<string, unknown>>;
}
