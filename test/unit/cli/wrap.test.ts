import { stripVTControlCharacters } from 'node:util';
import { coloured, shown, wrapped } from '../../../cli/output.ts';

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
