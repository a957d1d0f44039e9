import * as v from 'valibot';
import { isObject, plainWords } from './problems.ts';
import { readAs } from './read-as.ts';

/* The library's own, where it would take a list for an object, name one of several unknown fields, or lose a member. */

const WORDS = { message: plainWords };

const NO_OBJECT = v.custom<never>(
  () => false,
  (issue) => plainWords({ ...issue, expected: 'Object' }),
);

/** The same schema for objects alone: the library takes a list, a date or a set for one. */
const ofObjects = <Schema extends v.GenericSchema>(schema: Schema): Schema =>
  readAs(schema, (value) => (isObject(value) ? schema : NO_OBJECT));

const memberOf = (input: Record<string, unknown>, key: string) =>
  ({ type: 'object', origin: 'value', input, key, value: input[key] }) as const;

/** An object of which we read these fields; others may be there and are left out. */
export const object = <const Entries extends v.ObjectEntries>(entries: Entries) => ofObjects(v.object(entries));

/** An object that keeps the fields we do not name. */
export const looseObject = <const Entries extends v.ObjectEntries>(entries: Entries) =>
  ofObjects(v.looseObject(entries));

/** An object of these fields and no others. Each unknown field is named, where the library's own names the first. */
export const strictObject = <const Entries extends v.ObjectEntries>(entries: Entries) =>
  readAs(v.strictObject(entries), (value) => {
    if (!isObject(value)) return NO_OBJECT;
    const unknown = Object.keys(value).filter((key) => !Object.hasOwn(entries, key));
    const known: v.GenericSchema = v.object(entries);
    return v.pipe(known, refused(value, unknown));
  });

/** `expected` is what the library says of a field that it does not know. */
const refused = (input: Record<string, unknown>, unknown: readonly string[]) =>
  v.rawCheck<unknown>(({ addIssue }) => {
    for (const key of unknown)
      addIssue({ message: 'is not a known field', expected: 'never', path: [memberOf(input, key)] });
  });

/** Members of any names that `key` takes. The library's own drops those that are called `constructor` or `prototype`. */
export function record<const Key extends v.GenericSchema<string, string>, const Value extends v.GenericSchema>(
  key: Key,
  value: Value,
) {
  const members = v.pipe(
    v.custom<Record<string, unknown>>(isObject),
    v.rawTransform(({ dataset: { value: input }, addIssue, NEVER }) => {
      const read = Object.entries(input).map(([name, content]) => {
        const [named, held] = [v.safeParse(key, name, WORDS), v.safeParse(value, content, WORDS)];
        for (const { message, expected, path = [] } of [...(named.issues ?? []), ...(held.issues ?? [])])
          addIssue({ message, ...(expected !== null && { expected }), path: [memberOf(input, name), ...path] });
        return { name, content: held.output, isRead: named.success && held.success };
      });
      if (!read.every(({ isRead }) => isRead)) return NEVER;
      return Object.fromEntries(read.map(({ name, content }) => [name, content]));
    }),
  );
  return readAs(v.record(key, value), (input) => (isObject(input) ? members : NO_OBJECT));
}

/** An object of one of several forms; one field says which. */
export const variant = <const Key extends string, const Forms extends v.VariantOptions<Key>>(key: Key, forms: Forms) =>
  ofObjects(v.variant(key, forms));
