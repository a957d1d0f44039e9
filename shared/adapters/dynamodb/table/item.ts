import type { Key } from './keys.ts';

/** What an item holds beside its key. */
export interface ItemContent {
  readonly kind: string;
  readonly [attribute: string]: unknown;
}

export type Item = Key & ItemContent;

/** What a write asks of the item that is there. Names and values as in a DynamoDB condition expression. */
export interface Condition {
  readonly expression: string;
  readonly names?: Readonly<Record<string, string>>;
  readonly values?: Readonly<Record<string, unknown>>;
}
