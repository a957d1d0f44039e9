import { toJsonSchema } from '@valibot/to-json-schema';
import type { GenericSchema } from '../shared/schema.ts';

/** What JSON Schema has no words for: rules of our own on whole values, and that a number is finite, as all of JSON are. */
const WITHOUT_SCHEMA = ['check', 'raw_check', 'finite'];

/**
 * The JSON Schema (2020-12) of a document as a person writes it, for editors and for other programs.
 * @throws Error of the library, for a part of a schema that it cannot tell
 */
export const jsonSchemaOf = (schema: GenericSchema): Record<string, unknown> => ({
  ...toJsonSchema(schema, {
    target: 'draft-2020-12',
    typeMode: 'input',
    ignoreActions: WITHOUT_SCHEMA,
    // The library knows records of any names only; what it wrote of ours, names from a list included, is right.
    overrideSchema: ({ valibotSchema, jsonSchema }) => (valibotSchema.type === 'record' ? jsonSchema : undefined),
  }),
});
