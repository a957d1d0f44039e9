/**
 * Whether two records would be stored as the same document: neither the order of members nor absent ones make a
 * difference, nor where an object was made. Equal to a comparison of their canonical JSON, without writing it.
 */
export function sameContent(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true;
  if (!isObject(one) || !isObject(other)) return storedAs(one) === storedAs(other);
  if (Array.isArray(one) || Array.isArray(other)) {
    return (
      Array.isArray(one) &&
      Array.isArray(other) &&
      one.length === other.length &&
      one.every((element, index) => sameContent(element ?? null, other[index] ?? null))
    );
  }
  const names = membersOf(one);
  return (
    names.length === membersOf(other).length &&
    names.every((name) => Object.hasOwn(other, name) && sameContent(one[name], other[name]))
  );
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

const membersOf = (record: Readonly<Record<string, unknown>>): readonly string[] =>
  Object.keys(record).filter((name) => record[name] !== undefined);

/** JSON knows no number that is not finite. */
const storedAs = (value: unknown): unknown => (typeof value === 'number' && !Number.isFinite(value) ? null : value);
