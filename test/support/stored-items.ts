import type { Item } from '../../shared/adapters/dynamodb/table/item.ts';

/* Items of the ledger as text: one JSON object a line. What JSON lacks is marked. */

const BYTES = '$bytes';

/** An item as stored, compressed lists included. */
export const storedItemText = (item: Readonly<Record<string, unknown>>): string => JSON.stringify(marked(item));

function marked(value: unknown): unknown {
  if (value instanceof Uint8Array) return { [BYTES]: Buffer.from(value).toString('base64') };
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(marked);
  if (value instanceof Set) throw new TypeError('The ledger stores no sets.');
  const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(entries.map(([name, member]) => [name, marked(member)]));
}

export const storedItem = (text: string): Item =>
  JSON.parse(text, (_, value: unknown) =>
    typeof value === 'object' && value !== null && BYTES in value
      ? new Uint8Array(Buffer.from(String(value[BYTES]), 'base64'))
      : value,
  );
