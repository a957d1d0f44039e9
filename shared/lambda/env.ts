import * as v from '../schema.ts';
import { EnvironmentError } from './errors.ts';

/**
 * The environment of this function, as its schema reads it.
 * @throws EnvironmentError naming every variable that is missing or wrong, at once and without its value.
 */
export function loadEnv<Schema extends v.GenericSchema>(
  schema: Schema,
  source: Readonly<Record<string, string | undefined>> = process.env,
): v.InferOutput<Schema> {
  const parsed = v.safeParse(schema, source);
  if (!parsed.success) throw new EnvironmentError(parsed.problems.map((problem) => v.problemText(problem)));
  return parsed.data;
}
