import {
  coinedIdentifiers,
  doubleNames,
  doubleValues,
  glossaryIn,
  glossaryProblems,
  readGlossary,
  readSources,
} from '../../scripts/glossary.ts';

const sources = readSources();

test('no two exported types of different shape share a name', () => {
  expect(doubleNames(sources)).toEqual([]);
});

test('no two files of the shipped code export a function or a value of one name', () => {
  expect(doubleValues(sources)).toEqual([]);
});

test('no identifier has a word that the glossary replaced', () => {
  expect(coinedIdentifiers(sources)).toEqual([]);
});

test('each word of the glossary has one meaning, and a type that exists', () => {
  const rows = readGlossary();
  expect(rows.length).toBeGreaterThan(15);
  expect(glossaryProblems(rows, sources)).toEqual([]);
});

test('a type that another file declares with another shape is found; one of the same shape is not', () => {
  const one = {
    path: 'shared/one.ts',
    text: 'export interface Port {\n  /** A text. */\n  readonly name: string;\n}\n',
  };
  const same = { path: 'cli/same.ts', text: 'export interface Port { readonly name: string; }\n\nconst x = 1;\n' };
  const other = { path: 'cli/other.ts', text: 'export type Port = string;\n' };
  expect(doubleNames([one, same])).toEqual([]);
  expect(doubleNames([one, other])).toEqual(['Port: cli/other.ts, shared/one.ts']);
});

test('a function that two files export is found; a handler is not', () => {
  const text = 'export const handler = 1;\nexport function ageOf() {}\n';
  const sources = ['shared/a.ts', 'cli/b.ts', 'test/c.ts'].map((path) => ({ path, text }));
  expect(doubleValues(sources)).toEqual(['ageOf: cli/b.ts, shared/a.ts']);
});

test('a replaced word is found inside an identifier, but not in texts, comments and names of AWS', () => {
  const text = "// memory of a loss\nconst guardMemory = 'a loss'; const gloss = $fault;\n";
  expect(coinedIdentifiers([{ path: 'shared/a.ts', text }])).toEqual(['shared/a.ts: rename guardMemory: use history']);
});

test('a word with two rows, and a row without a type that exists, are found', () => {
  const row = (place: string) => `| **image** | a manifest | ${place} |\n`;
  const markdown = `## Words\n\n| word | meaning | code |\n| --- | --- | --- |\n${row('`A` in `shared/a.ts`')}${row('')}\n## Rooms\n`;
  expect(glossaryProblems(glossaryIn(markdown), [{ path: 'shared/a.ts', text: 'export type B = 1;\n' }])).toEqual([
    'image has two meanings',
    'the row image names no declaration in the code',
    'shared/a.ts exports no A',
  ]);
});
