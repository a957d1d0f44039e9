import { RunFileMissingError } from '../ports/errors.ts';
import type { RunFiles } from '../ports/run-files.ts';
import * as v from '../schema.ts';

/**
 * A document of an earlier step. @throws RunFileMissingError if it is missing; SchemaError if it is not of this kind
 */
export const readDocument = async <Schema extends v.GenericSchema>(
  files: Pick<RunFiles, 'get'>,
  key: string,
  schema: Schema,
): Promise<v.InferOutput<Schema>> => v.parse(schema, await files.get(key), key);

/** An optional document. */
export const readDocumentIfAny = async <Schema extends v.GenericSchema>(
  files: Pick<RunFiles, 'get'>,
  key: string,
  schema: Schema,
): Promise<v.InferOutput<Schema> | undefined> => {
  try {
    return await readDocument(files, key, schema);
  } catch (error) {
    if (error instanceof RunFileMissingError) return undefined;
    throw error;
  }
};
