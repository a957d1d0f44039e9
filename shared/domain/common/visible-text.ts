/**
 * Characters that do something to a text instead of being seen in it: controls of a terminal (C0, DEL, C1), marks that
 * turn the direction of writing, what has no width, separators of lines, and halves of characters. Names, versions and
 * labels of images come from whoever built them, and may hold any of these.
 * https://www.unicode.org/reports/tr36/#Bidirectional_Text_Spoofing, https://www.unicode.org/reports/tr44/#General_Category_Values
 */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** `\u001b`, as JSON writes it: so a JSON text stays the same document. */
const escaped = (hidden: string): string =>
  SHORT[hidden] ??
  hidden
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('');

/** A text of others as one line in which each character is seen: hidden ones as escapes, ends of lines too. */
export const visibleLine = (text: string): string => text.replace(HIDDEN, escaped);

/** The same of a text whose lines are ours. */
export const visibleText = (text: string): string => text.split('\n').map(visibleLine).join('\n');

/** A document as JSON, in which nothing is hidden either: `JSON.stringify` escapes the first 32 characters only. */
export const visibleJson = (document: unknown): string => visibleLine(JSON.stringify(document));
