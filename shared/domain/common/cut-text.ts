/**
 * The beginning of a text, at most so many UTF-16 code units of it. Half a character at its end, or anywhere in a text of
 * others, becomes U+FFFD: services of AWS refuse it.
 */
export const cutText = (text: string, most: number): string => text.slice(0, most).toWellFormed();
