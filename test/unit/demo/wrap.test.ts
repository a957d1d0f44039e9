import { stripVTControlCharacters } from 'node:util';
import { wrapped } from '../../../local/demo/wrap.ts';

test.each<[name: string, text: string, lines: string[]]>([
  ['what fits stays', '  name  a b', ['  name  a b']],
  ['breaks between words, and indents the rest', '  name  one two three four', ['  name  one two', '    three four']],
  ['a longer word stays whole', 'sha256:0123456789abcdef is it', ['sha256:0123456789abcdef', '    is it']],
  ['what begins with spaces keeps them', '      in apps/shop, apps/other', ['      in apps/shop,', '    apps/other']],
  ['nothing is one line', '', ['']],
])('%s', (_name, text, lines) => {
  expect(wrapped(text, 20, 4).split('\n')).toEqual(lines);
});

test('colours take no room', () => {
  const text = wrapped('\u001b[31mone\u001b[39m two three four five', 14, 2);
  expect(text.split('\n').map(stripVTControlCharacters)).toEqual(['one two three', '  four five']);
});
