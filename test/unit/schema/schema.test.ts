import * as v from '../../../shared/schema.ts';
import { fc } from '../../support/seeded.ts';

const problemsOf = (schema: v.GenericSchema, value: unknown): string[] =>
  (v.safeParse(schema, value).problems ?? []).map((problem) => v.problemText(problem));

const image = v.strictObject({ name: v.text(), tags: v.array(v.text()), size: v.exactOptional(v.integer()) });

describe('objects', () => {
  test.each([
    ['what is missing', { tags: [] }, ['name: is missing']],
    [
      'each field that is not known',
      { name: 'a', tags: [], x: 1, y: 2 },
      ['x: is not a known field', 'y: is not a known field'],
    ],
    [
      'a field called as what every object has',
      { name: 'a', tags: [], toString: 1 },
      ['toString: is not a known field'],
    ],
    ['a list', [], ['input: must be an object, not a list']],
    ['nothing', undefined, ['input: is missing']],
    ['a set', new Set(), ['input: must be an object, not something else']],
    ['a part of a list', { name: 'a', tags: ['x', 7] }, ['tags[1]: must be text, not a number: put it in quotes']],
    ['text that says nothing', { name: '', tags: [] }, ['name: must not be empty']],
    ['undefined where only absence will do', { name: 'a', tags: [], size: undefined }, ['size: is missing']],
    ['half a thing', { name: 'a', tags: [], size: 1.5 }, ['size: must be a whole number']],
  ])('report %s', (_, value, problems) => {
    expect(problemsOf(image, value)).toEqual(problems);
  });

  test('leave out, keep or refuse what they do not name', () => {
    const value = { a: 1, b: 2 };
    expect(v.parse(v.object({ a: v.number() }), value)).toEqual({ a: 1 });
    expect(v.parse(v.looseObject({ a: v.number() }), value)).toEqual(value);
    expect(() => v.parse(v.strictObject({ a: v.number() }), value)).toThrow('b: is not a known field');
  });

  test('a default fills in what is absent or undefined, and nothing else is there', () => {
    const schema = v.object({ mode: v.optional(v.string(), 'review'), owner: v.optional(v.string()) });
    expect(Object.entries(v.parse(schema, {}))).toEqual([['mode', 'review']]);
    expect(v.parse(schema, { mode: undefined })).toMatchObject({ mode: 'review' });
  });
});

test('a record keeps every member, with any name', () => {
  const names = fc.oneof(fc.string(), fc.constantFrom('constructor', 'prototype', '__proto__', 'toString'));
  fc.assert(
    fc.property(fc.array(fc.tuple(names, fc.integer())), (members) => {
      const value = Object.fromEntries(members);
      expect(Object.entries(v.parse(v.record(v.string(), v.integer()), value))).toEqual(Object.entries(value));
    }),
  );
});

test.each([
  ['a name', { web: 'paused' }, ['web: not twelve digits']],
  ['a member', { '111122223333': 'off' }, ['111122223333: must be one of "enforce", "paused"']],
  ['a list', ['paused'], ['input: must be an object, not a list']],
])('a record reports a wrong %s by its path', (_, value, problems) => {
  const account = v.pipe(v.string(), v.regex(/^\d{12}$/, 'not twelve digits'));
  expect(problemsOf(v.record(account, v.picklist(['enforce', 'paused'])), value)).toEqual(problems);
});

const step = v.variant('action', [
  v.strictObject({ action: v.literal('open'), scopes: v.array(v.text()) }),
  v.strictObject({ action: v.literal('close') }),
]);

test.each([
  ['no action', {}, ['action: is missing']],
  ['another action', { action: 'shut' }, ['action: must be one of "open", "close"']],
  ['a part that is missing', { action: 'open' }, ['scopes: is missing']],
  ['a list', [], ['input: must be an object, not a list']],
])('a variant reports %s', (_, value, problems) => {
  expect(problemsOf(step, value)).toEqual(problems);
});

const container = v.union([
  v.literal('none'),
  v.strictObject({ name: v.text(), image: v.text() }),
  v.strictObject({ name: v.text(), external: v.text() }),
]);

test.each([
  ['the form it is closest to', { name: 'a' }, ['image: is missing']],
  [
    'a form whose part is wrong',
    { name: 'a', external: 1 },
    ['external: must be text, not a number: put it in quotes'],
  ],
  ['the kinds it may be of', 'some', ['input: must be "none", or must be an object, not text']],
])('a union reports %s', (_, value, problems) => {
  expect(problemsOf(container, value)).toEqual(problems);
});

test('a rule reports where it is broken, and skips values of another kind', () => {
  const unique = v.pipe(
    v.array(v.text()),
    v.rule((names) =>
      names.flatMap((name, index) =>
        names.indexOf(name) < index ? [{ path: [index], message: 'is there twice' }] : [],
      ),
    ),
  );
  expect(problemsOf(unique, ['a', 'b', 'a'])).toEqual(['[2]: is there twice']);
  expect(problemsOf(unique, [1, 1])).toHaveLength(2);
});

test.each([Number.NaN, Number.POSITIVE_INFINITY, '1', null])('%p is no number', (value) => {
  expect(v.safeParse(v.number(), value).success).toBe(false);
});

test('a day is in the calendar exactly if a date of that day has its name', () => {
  const numbers = fc.tuple(
    fc.integer({ min: 0, max: 9999 }),
    fc.integer({ min: 0, max: 13 }),
    fc.integer({ min: 0, max: 32 }),
  );
  fc.assert(
    fc.property(numbers, ([year, month, day]) => {
      const text = [String(year).padStart(4, '0'), String(month).padStart(2, '0'), String(day).padStart(2, '0')].join(
        '-',
      );
      const date = new Date(0);
      date.setUTCFullYear(year, month - 1, day);
      const isDay = date.toISOString().startsWith(text);
      expect(v.safeParse(v.isoDate(), text).success).toBe(isDay);
      expect(v.safeParse(v.isoInstant(), `${text}T23:59:59.5Z`).success).toBe(isDay);
    }),
    { numRuns: 5_000, examples: [[[2024, 2, 29]], [[2023, 2, 29]], [[1900, 2, 29]], [[2000, 2, 29]], [[2026, 2, 30]]] },
  );
});

test.each([
  '2026-01-31',
  '2026-01-31T12:00:00',
  '2026-01-31T12:00:00+01:00',
  '2026-01-31T24:00:00Z',
  '2026-01-31 12:00:00Z',
])('%s is no instant in UTC', (text) => {
  expect(v.safeParse(v.isoInstant(), text).success).toBe(false);
});

test('an error names the document and every problem, and contains no value', () => {
  const read = () => v.parse(image, { name: 7, tags: 'hunter2' }, 'runs/1/images.json');
  expect(read).toThrow(v.SchemaError);
  expect(read).toThrow(/runs\/1\/images\.json.*name: .*; tags: /);
  expect(read).not.toThrow(/hunter2/);
});
