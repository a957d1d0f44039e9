/** Text as others may have written it into names, versions and labels of images. */
import { fc } from './seeded.ts';

/** Of each kind one that a terminal, a page or a log acts on instead of showing it. */
const HIDDEN = [
  ...['\u0000', '\u0007', '\u0008', '\t', '\r', '\u001b[2J', '\u001b]0;t\u0007', '\u007f', '\u0085', '\u009b31m'],
  ...['\u00ad', '\u061c', '\u180e', '\u200b', '\u200d', '\u200e', '\u200f', '\u2028', '\u2029', '\u202a', '\u202e'],
  ...['\u2060', '\u2066', '\u2069', '\ufe0f', '\ufeff', '\ufff9', '\u115f', '\u{e0041}', '\ud800', '\udc00'],
];
/** Begins a line of its own where an end of line went through. */
export const FORGED = 'FORGED LINE';
const MARKUP = [
  '|',
  '`',
  '*',
  '_x_',
  '[a](http://b)',
  '<b>',
  '&#8238;',
  '$',
  '~~',
  'www.b.example',
  '\\',
  `\n${FORGED}`,
];

export const hostileTexts = fc
  .array(fc.constantFrom(...HIDDEN, ...MARKUP, 'a', ' '), { minLength: 1, maxLength: 12 })
  .map((parts) => parts.join(''));

/** All of it in one text. */
export const MOST_HOSTILE = [...HIDDEN, ...MARKUP].join('a');

/** Code points, written apart from the code that is checked with them. Ends of lines may be ours. */
const HIDDEN_RANGES = [
  ...[[0x00, 0x09] as const, [0x0b, 0x1f] as const, [0x7f, 0x9f] as const, [0xad, 0xad] as const],
  ...[[0x61c, 0x61c] as const, [0x115f, 0x1160] as const, [0x180b, 0x180f] as const, [0x200b, 0x200f] as const],
  ...[[0x2028, 0x202e] as const, [0x2060, 0x206f] as const, [0x3164, 0x3164] as const, [0xd800, 0xdfff] as const],
  ...[[0xfe00, 0xfe0f] as const, [0xfeff, 0xfeff] as const, [0xffa0, 0xffa0] as const, [0xfff0, 0xfffb] as const],
  [0xe0000, 0xe0fff] as const,
];

/** The first character of a text that does something instead of being seen. */
export function hiddenIn(text: string): string | undefined {
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    if (HIDDEN_RANGES.some(([from, to]) => from <= code && code <= to))
      return `U+${code.toString(16)} in ${JSON.stringify(text.slice(0, 300))}`;
  }
  return undefined;
}

/** Lines that others have written. */
export const forgedLines = (text: string): readonly string[] =>
  text.split('\n').filter((line) => line.trim().startsWith(FORGED));

/** What others write: the form of none of it is checked before it is read. */
const FREE = new Set([
  ...['package', 'version', 'vulnerability', 'detail', 'title', 'reference', 'references', 'workload', 'workloads'],
  ...['container', 'cluster', 'service', 'owner', 'tags', 'names', 'by', 'author', 'waitingFor', 'from', 'error'],
  ...['name', 'platform', 'scope', 'reason', 'key', 'waives', 'cause', 'places', 'places', 'registry', 'description'],
]);

/** A value in which all free text, however deep, ends in another one; `skip` names fields that are left as they are. */
export function poisoned<Value>(value: Value, text: string, skip: readonly string[] = []): Value {
  const isFree = (key: string) => FREE.has(key) && !skip.includes(key);
  const inside = (one: unknown, free: boolean): unknown => {
    if (typeof one === 'string') return free ? `${one}${text}` : one;
    if (Array.isArray(one)) return one.map((each) => inside(each, free));
    if (one instanceof Map) return new Map(Array.from(one, ([key, each]) => [key, inside(each, false)]));
    if (typeof one !== 'object' || one === null) return one;
    return Object.fromEntries(Object.entries(one).map(([key, each]) => [key, inside(each, isFree(key))]));
  };
  return inside(value, false) as Value;
}

/** Ports whose answers are poisoned, also those that come page by page. */
export function poisonedPort<Port extends object>(port: Port, text: string, skip: readonly string[] = []): Port {
  return new Proxy(port, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      return (...words: unknown[]) => {
        const answer: unknown = member.apply(target, words);
        if (typeof answer !== 'object' || answer === null) return answer;
        if (Symbol.asyncIterator in answer) return pages(answer as AsyncIterable<unknown>, text, skip);
        if (answer instanceof Promise) return answer.then((value) => poisoned(value, text, skip));
        return poisoned(answer, text, skip);
      };
    },
  });
}

async function* pages(all: AsyncIterable<unknown>, text: string, skip: readonly string[]): AsyncIterable<unknown> {
  for await (const page of all) yield poisoned(page, text, skip);
}
