import * as v from 'valibot';
import { type Problem, plainWords, problemsOf, problemText } from './schema/problems.ts';

/*
 * The only way to Valibot: `import * as v from '.../schema.ts'`. Objects, records, unions, numbers and dates are ours
 * where the library's own take what we refuse, lose what we keep, or tell less than there is to tell; `parse` and
 * `safeParse` tell every problem in the same words. What is not used is not bundled.
 */
export {
  array,
  boolean,
  check,
  custom,
  description,
  exactOptional,
  type GenericSchema,
  gtValue,
  type InferInput,
  type InferOutput,
  literal,
  maxLength,
  maxValue,
  minLength,
  minValue,
  nullish,
  type ObjectEntries,
  optional,
  picklist,
  pipe,
  regex,
  string,
  transform,
  trim,
  unknown,
  url,
} from 'valibot';
export { looseObject, object, record, strictObject, variant } from './schema/objects.ts';
export { type Problem, pathText, problemText } from './schema/problems.ts';
export { union } from './schema/union.ts';

/** A document that its schema refuses. It holds no value of the document, so that it may be logged. */
export class SchemaError extends Error {
  override readonly name = 'SchemaError';
  readonly problems: readonly Problem[];

  /** @param document what was read, for a reader */
  constructor(document: string, problems: readonly Problem[]) {
    super(`${document} is invalid: ${problems.map((one) => problemText(one)).join('; ')}`);
    this.problems = problems;
  }
}

export type Result<Output> =
  | { readonly success: true; readonly data: Output; readonly problems?: undefined }
  | { readonly success: false; readonly problems: readonly Problem[] };

/**
 * The value as its schema reads it, or every problem it has.
 * @param options with `abortEarly` the first problem alone: a hostile document may have millions
 */
export function safeParse<const Schema extends v.GenericSchema>(
  schema: Schema,
  value: unknown,
  { abortEarly = false }: { readonly abortEarly?: boolean } = {},
): Result<v.InferOutput<Schema>> {
  const { success, output, issues } = v.safeParse(schema, value, { message: plainWords, abortEarly });
  return success ? { success, data: output } : { success, problems: problemsOf(issues) };
}

/**
 * The value as its schema reads it.
 * @param document what is read, for the message
 * @throws SchemaError
 */
export function parse<const Schema extends v.GenericSchema>(
  schema: Schema,
  value: unknown,
  document = 'The document',
): v.InferOutput<Schema> {
  const parsed = safeParse(schema, value);
  if (!parsed.success) throw new SchemaError(document, parsed.problems);
  return parsed.data;
}

/** A rule on the whole value; `find` names each place that breaks it. It is not asked where a part is of a wrong kind. */
export const rule = <Value>(find: (value: Value) => readonly Problem[]) =>
  v.rawCheck<Value>(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    for (const { path, message } of find(dataset.value)) {
      const [first, ...others] = path.map(
        (key) => ({ type: 'unknown', origin: 'value', input: undefined, key, value: undefined }) as const,
      );
      addIssue({ message, ...(first && { path: [first, ...others] }) });
    }
  });

/** Non-empty text. */
export const text = () => v.pipe(v.string(), v.minLength(1));

/** NaN and infinite numbers are none to JSON. */
export const number = () => v.pipe(v.number(), v.finite());

export const integer = () => v.pipe(v.number(), v.safeInteger());

/** Text that JavaScript reads as a number, as environments have it. */
export const numberFromText = () => v.pipe(v.unknown(), v.transform(Number), number());

const DAY =
  '(?:\\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)|02-(?:0[1-9]|1\\d|2[0-8]))' +
  '|(?:\\d\\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)';

/** A day that is in the calendar (RFC 3339, full-date). The library's own takes the 30th of February. */
export const isoDate = () =>
  v.pipe(
    v.string(),
    v.regex(new RegExp(`^${DAY}$`), 'must be a calendar date such as 2026-01-31'),
    v.metadata({ format: 'date' }),
  );

/** An instant in UTC (RFC 3339, date-time with Z). */
export const isoInstant = () =>
  v.pipe(
    v.string(),
    v.regex(
      new RegExp(`^${DAY}T(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d+)?Z$`),
      'must be an instant in UTC such as 2026-01-31T12:00:00Z',
    ),
    v.metadata({ format: 'date-time' }),
  );
