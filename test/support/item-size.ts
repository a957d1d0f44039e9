/**
 * The size of an item as DynamoDB counts it: names as UTF-8, texts as UTF-8, binary as bytes, numbers by their digits, and 3
 * bytes for each list or map with 1 for each of its members.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
 */
export const itemSize = (item: object): number =>
  Object.entries(item).reduce((sum, [name, value]) => sum + utf8(name) + valueSize(value), 0);

/** https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html: an item, and a page of a query. */
export const MOST_ITEM_BYTES = 400 * 1024;
export const MOST_PAGE_BYTES = 1024 * 1024;
/** https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html */
export const MOST_BATCH_BYTES = 16 * 1024 * 1024;

/** Whether it is worth to measure the item of a record: compressed, it is not larger than its JSON. */
export const mayBeTooLarge = (record: object): boolean => JSON.stringify(record).length > MOST_ITEM_BYTES / 2;

const utf8 = (text: string): number => Buffer.byteLength(text);

function valueSize(value: unknown): number {
  if (typeof value === 'string') return utf8(value);
  if (typeof value === 'number') return Math.ceil(String(value).replace(/[^\d]/g, '').length / 2) + 1;
  if (value instanceof Uint8Array) return value.length;
  if (value instanceof Set) return [...value].reduce((sum: number, one) => sum + valueSize(one), 0);
  if (Array.isArray(value)) return value.reduce((sum: number, one) => sum + 1 + valueSize(one), 3);
  if (value !== null && typeof value === 'object')
    return Object.entries(value).reduce(
      (sum, [name, one]) => sum + 1 + (one === undefined ? 0 : utf8(name) + valueSize(one)),
      3,
    );
  return value === undefined ? 0 : 1;
}
