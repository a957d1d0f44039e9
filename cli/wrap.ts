import { widthOf } from './output.ts';

/**
 * Breaks a text between words, so that no line is longer than the terminal, and indents what follows the first line. A
 * word that is longer stays whole. Colours take no room.
 */
export function wrapped(text: string, width: number, indent: number): readonly string[] {
  const lines: string[] = [];
  let line: string | undefined;
  for (const word of text.split(' ')) {
    const longer: string = line === undefined ? word : `${line} ${word}`;
    const isFull = line !== undefined && line.trim() !== '' && widthOf(longer) > width;
    if (isFull) lines.push((line ?? '').trimEnd());
    line = isFull ? `${' '.repeat(indent)}${word}` : longer;
  }
  return [...lines, line ?? ''];
}
