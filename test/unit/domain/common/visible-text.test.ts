import { visibleJson, visibleLine, visibleText } from '../../../../shared/domain/common/visible-text.ts';
import { hiddenIn, hostileTexts, MOST_HOSTILE } from '../../../support/hostile.ts';
import { fc } from '../../../support/seeded.ts';

test.each([
  ['an escape sequence of a terminal', '\u001b[31mred', '\\u001b[31mred'],
  ['one of a single character', '\u009b31m', '\\u009b31m'],
  ['what turns the direction of writing', 'exe\u202egnp', 'exe\\u202egnp'],
  ['what has no width', 'op\u200benssl', 'op\\u200benssl'],
  ['what lies outside of the first plane', 'a\u{e0041}b', 'a\\udb40\\udc41b'],
  ['half a character', 'a\ud800b', 'a\\ud800b'],
  ['ends of lines and tabs', 'a\r\n\tb', 'a\\r\\n\\tb'],
  ['what is seen stays', 'größe 大きさ 🐳 C:\\dir', 'größe 大きさ 🐳 C:\\dir'],
])('%s is seen', (_, text, seen) => expect(visibleLine(text)).toBe(seen));

test('lines of ours stay lines', () => {
  expect(visibleText('one\ntwo\u0007')).toBe('one\ntwo\\u0007');
});

test('no hidden character is left of any text, and a JSON document means the same', () => {
  const anything = fc.oneof(hostileTexts, fc.string({ unit: 'binary' }));
  fc.assert(
    fc.property(anything, (text) => {
      expect([hiddenIn(visibleText(text)), hiddenIn(visibleLine(text))]).toEqual([undefined, undefined]);
      const json = visibleJson({ [text]: [text] });
      expect(hiddenIn(json)).toBeUndefined();
      expect(JSON.parse(json)).toEqual({ [text]: [text] });
    }),
  );
});

test('the tested characters are the hidden ones', () => {
  for (const one of MOST_HOSTILE.split('a').slice(0, 31)) expect(hiddenIn(one)).toBeDefined();
});
