import { stripVTControlCharacters } from 'node:util';
import { jest } from '@jest/globals';
import { coloured, printProgress, shown, wrapped } from '../../../cli/output.ts';

test.each<[name: string, text: string, lines: string[]]>([
  ['what fits stays', '  name  a b', ['  name  a b']],
  ['breaks between words, and indents the rest', '  name  one two three four', ['  name  one two', '    three four']],
  ['a longer word stays whole', 'sha256:0123456789abcdef is it', ['sha256:0123456789abcdef', '    is it']],
  ['what begins with spaces keeps them', '      in apps/shop, apps/other', ['      in apps/shop,', '    apps/other']],
  ['nothing is one line', '', ['']],
])('%s', (_name, text, lines) => {
  expect(wrapped(text, 20, 4)).toEqual(lines);
});

test('colours take no width', () => {
  const lines = wrapped(`${coloured('red', 'one')} two three four five`, 14, 2);
  expect(lines.map((line) => stripVTControlCharacters(shown(line)))).toEqual(['one two three', '  four five']);
});

test('a line of progress fits the terminal, and is one line in a file', () => {
  const before = { isTTY: process.stderr.isTTY, columns: process.stderr.columns };
  const written = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
  try {
    Object.assign(process.stderr, { isTTY: true, columns: 20 });
    printProgress('one two three four five');
    Object.assign(process.stderr, { isTTY: false });
    printProgress('one two three four five');
    expect(written.mock.calls).toEqual([['one two three four\n  five\n'], ['one two three four five\n']]);
  } finally {
    written.mockRestore();
    Object.assign(process.stderr, before);
  }
});
