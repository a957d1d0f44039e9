import * as v from 'valibot';

/**
 * A schema that reads each value by the one that `choose` gives for it. `variant`, the JSON Schemas and objects that take the
 * entries of others look into schemas: they find the type, entries and options of `shown`.
 */
export function readAs<Schema extends v.GenericSchema>(shown: Schema, choose: (value: unknown) => v.GenericSchema) {
  const { type, expects, reference } = shown;
  const schema: unknown = { ...shown, ...v.lazy(choose), type, expects, reference };
  return schema as Schema;
}
