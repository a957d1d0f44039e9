import type { BaseIssue } from 'valibot';

type Issue = BaseIssue<unknown>;

/** One thing that is wrong in a document, and where: field by field from the top. It never holds the value itself. */
export interface Problem {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** `['images', 3, 'parent']` as `images[3].parent`; empty for the document as a whole. */
export function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    return text === '' ? String(step) : `${text}.${String(step)}`;
  }, '');
}

/** @param whole what to call the document as a whole */
export const problemText = ({ path, message }: Problem, whole = 'input'): string =>
  `${pathText(path) || whole}: ${message}`;

/** Every problem that a schema found, in the order of the document. */
export const problemsOf = (issues: readonly Issue[]): readonly Problem[] =>
  issues.map(({ path = [], message }) => ({ path: path.map(({ key }) => key as PropertyKey), message }));

/** What is wrong, in words that follow the name of the field. The value is not repeated: it may be a secret. */
export function plainWords(issue: Issue): string {
  const { kind, type, input, expected, requirement } = issue;
  if (kind !== 'schema') return RULES[type]?.(requirement, input) ?? 'is not valid';
  if (expected === 'never') return 'is not a known field';
  if (input === undefined) return 'is missing';
  const kindExpected = KINDS[expected ?? ''];
  if (kindExpected === undefined) return `must be ${choices(expected ?? 'something else')}`;
  if (Number.isNaN(input)) return `must be ${kindExpected}`;
  const quotes = expected === 'string' && typeof input === 'number' ? ': put it in quotes' : '';
  return `must be ${kindExpected}, not ${kindOf(input)}${quotes}`;
}

/** What a schema of the library says it expects, in plain words. */
const KINDS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  boolean: 'true or false',
  Array: 'a list',
  Object: 'an object',
};

/** A list, a date or a set is an object to JavaScript and to the library, and never what a document means by one. */
export const isObject = (value: unknown): value is Record<string, unknown> =>
  Object.prototype.toString.call(value) === '[object Object]';

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return KINDS[typeof value] ?? (isObject(value) ? 'an object' : 'something else');
}

/** `"a"`, or `one of "a", "b"` for the library's `("a" | "b")`. */
const choices = (expected: string): string =>
  expected.includes(' | ') ? `one of ${expected.slice(1, -1).replaceAll(' | ', ', ')}` : expected;

const sized = (bound: string) => (requirement: unknown, value: unknown) =>
  requirement === 1 && bound === 'at least'
    ? 'must not be empty'
    : `must have ${bound} ${requirement} ${typeof value === 'string' ? 'characters' : 'entries'}`;

/** By the type of the library's check; those with a message of their own do not come here. */
const RULES: Readonly<Record<string, (requirement: unknown, value: unknown) => string>> = {
  min_length: sized('at least'),
  max_length: sized('at most'),
  min_value: (least) => `must be at least ${least}`,
  max_value: (most) => `must be at most ${most}`,
  gt_value: (bound) => `must be more than ${bound}`,
  finite: () => 'must be a finite number',
  safe_integer: () => 'must be a whole number',
  url: () => 'must be a URL',
  regex: (pattern) => `must match ${pattern}`,
};
