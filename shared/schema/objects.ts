import * as v from 'valibot';
import { isObject } from './problems.ts';

type Run = v.GenericSchema['~run'];
type Parsed = ReturnType<Run>;
type Issue = v.BaseIssue<unknown>;
type Input = Record<string, unknown>;

/*
 * The library's own objects and records take lists for objects, tell one of several unknown fields, and drop members
 * that are called `constructor` or `prototype` without a word; a repository may be called so. These have the same
 * types, so that all else of the library takes them.
 */

/** What the library knows a schema by. */
const schemaOf = (type: string, parts: object, run: (input: Input, config: Parameters<Run>[1]) => Parsed) => {
  const schema = {
    ...v.custom(isObject),
    type,
    expects: 'Object',
    ...parts,
    '~run': ((dataset, config) => {
      if (isObject(dataset.value)) return run(dataset.value, config);
      const refused: Parsed = { typed: true, value: dataset.value };
      v._addIssue(schema, 'type', refused, config);
      return refused;
    }) as Run,
  };
  return schema;
};

const at = (input: Input, key: string, origin: 'key' | 'value'): v.ObjectPathItem => ({
  type: 'object',
  origin,
  input,
  key,
  value: input[key],
});

const within = (item: v.IssuePathItem, issues: readonly Issue[] = []): Issue[] =>
  issues.map((issue) => ({ ...issue, path: [item, ...(issue.path ?? [])] }));

function parsed(members: readonly (readonly [string, unknown])[], typed: boolean, issues: readonly Issue[]): Parsed {
  const value = Object.fromEntries(members);
  const [first, ...others] = issues;
  return first === undefined ? { typed: true, value } : { typed, value, issues: [first, ...others] };
}

const MAY_BE_ABSENT = ['exact_optional', 'optional', 'nullish'];

function fields(type: string, entries: v.ObjectEntries, others: 'left-out' | 'kept' | 'refused') {
  const schema = schemaOf(type, { entries }, (input, config) => {
    const unknown = others === 'left-out' ? [] : Object.keys(input).filter((key) => !Object.hasOwn(entries, key));
    const output: [string, unknown][] = others === 'kept' ? unknown.map((key) => [key, input[key]]) : [];
    const issues: Issue[] = [];
    let typed = true;
    const refuse = (key: string, expected: string, given: unknown): void => {
      const refused: Parsed = { typed: true, value: input };
      v._addIssue(schema, 'key', refused, config, { input: given, expected, path: [at(input, key, 'key')] });
      issues.push(...(refused.issues ?? []));
      typed = false;
    };
    for (const [key, entry] of Object.entries(entries)) {
      const isAbsent = !Object.hasOwn(input, key);
      if (isAbsent && !MAY_BE_ABSENT.includes(entry.type)) refuse(key, `"${key}"`, undefined);
      else if (!isAbsent || ('default' in entry && entry.default !== undefined)) {
        const read = entry['~run']({ value: input[key] }, config) as Parsed;
        issues.push(...within(at(input, key, 'value'), read.issues));
        typed &&= read.typed;
        output.push([key, read.value]);
      }
    }
    if (others === 'refused') for (const key of unknown) refuse(key, 'never', key);
    return parsed(output, typed, issues);
  });
  return schema as unknown;
}

/** An object of which we read these fields; others may be there and are left out. */
export const object = <const Entries extends v.ObjectEntries>(entries: Entries) =>
  fields('object', entries, 'left-out') as v.ObjectSchema<Entries, undefined>;

/** An object that keeps the fields we do not name. */
export const looseObject = <const Entries extends v.ObjectEntries>(entries: Entries) =>
  fields('loose_object', entries, 'kept') as v.LooseObjectSchema<Entries, undefined>;

/** An object of these fields and no others; each that is not known is told. */
export const strictObject = <const Entries extends v.ObjectEntries>(entries: Entries) =>
  fields('strict_object', entries, 'refused') as v.StrictObjectSchema<Entries, undefined>;

/** Members of any names that `key` takes. */
export function record<const Key extends v.GenericSchema<string, string>, const Value extends v.GenericSchema>(
  key: Key,
  value: Value,
) {
  const schema: unknown = schemaOf('record', { key, value }, (input, config) => {
    const members = Object.entries(input).map(([name, content]) => {
      const names = key['~run']({ value: name }, config);
      const contents = value['~run']({ value: content }, config);
      const issues = [
        ...within(at(input, name, 'key'), names.issues),
        ...within(at(input, name, 'value'), contents.issues),
      ];
      return { member: [name, contents.value] as const, typed: names.typed && contents.typed, issues };
    });
    return parsed(
      members.map(({ member }) => member),
      members.every(({ typed }) => typed),
      members.flatMap(({ issues }) => issues),
    );
  });
  return schema as v.RecordSchema<Key, Value, undefined>;
}

type Form<Key extends string> = v.StrictObjectSchema<
  Readonly<Record<Key, v.GenericSchema>> & v.ObjectEntries,
  undefined
>;

/** An object of one of several forms, told apart by one field. */
export function variant<const Key extends string, const Forms extends readonly Form<Key>[]>(key: Key, options: Forms) {
  const schema = schemaOf('variant', { key, options }, (input, config) => {
    const tags = options.map((form) => ({ form, tag: form.entries[key] }));
    const chosen = tags.find(({ tag }) => !tag['~run']({ value: input[key] }, config).issues);
    if (chosen) return chosen.form['~run']({ value: input }, config);
    const refused: Parsed = { typed: true, value: input };
    const expected = `(${tags.map(({ tag }) => tag.expects).join(' | ')})`;
    v._addIssue(schema, 'type', refused, config, { input: input[key], expected, path: [at(input, key, 'value')] });
    return refused;
  });
  return schema as unknown as v.VariantSchema<Key, Forms, undefined>;
}
