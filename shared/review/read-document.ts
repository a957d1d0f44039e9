import { RunFileMissingError } from '../ports/errors.ts';
import type { RunFiles } from '../ports/run-files.ts';
import * as v from '../schema.ts';

/** A document that an earlier step wrote. @throws RunFileMissingError where it did not; SchemaError where it is another's. */
export const readDocument = async <Schema extends v.GenericSchema>(
  files: Pick<RunFiles, 'get'>,
  key: string,
  schema: Schema,
): Promise<v.InferOutput<Schema>> => v.parse(schema, await files.get(key), key);

/** A document that may rightly be missing. */
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
