import type { AttributeValue } from '@aws-sdk/client-dynamodb';

const bytes = (base64: string | Uint8Array): Uint8Array =>
  typeof base64 === 'string' ? new Uint8Array(Buffer.from(base64, 'base64')) : base64;

/** Converts attributes to the SDK's form: in the JSON of a Lambda event, binary values are base64 text. */
export const attributesOf = (item: Readonly<Record<string, AttributeValue>>): Record<string, AttributeValue> =>
  Object.fromEntries(Object.entries(item).map(([name, value]) => [name, withBytes(value)]));

function withBytes(value: AttributeValue): AttributeValue {
  if (value.B !== undefined) return { B: bytes(value.B) };
  if (value.BS !== undefined) return { BS: value.BS.map(bytes) };
  if (value.L !== undefined) return { L: value.L.map(withBytes) };
  return value.M === undefined ? value : { M: attributesOf(value.M) };
}
