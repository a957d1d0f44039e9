/**
 * Characters that act on a text instead of being visible: terminal controls (C0, DEL, C1), direction marks, zero-width
 * characters, line separators, and lone surrogates. Names, versions and labels of images come from their builders and
 * may contain any of these. https://www.unicode.org/reports/tr36/#Bidirectional_Text_Spoofing,
 * https://www.unicode.org/reports/tr44/#General_Category_Values
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

/** Foreign text as one line in which each character is visible: hidden ones and line ends become escapes. */
export const visibleLine = (text: string): string => text.replace(HIDDEN, escaped);

/** The same for a text with our own line breaks. */
export const visibleText = (text: string): string => text.split('\n').map(visibleLine).join('\n');

/** A document as JSON, in which nothing is hidden either: `JSON.stringify` escapes the first 32 characters only. */
export const visibleJson = (document: unknown): string => visibleLine(JSON.stringify(document));
