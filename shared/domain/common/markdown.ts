import { counted } from './counted.ts';
import { visibleLine } from './visible-text.ts';

export interface MarkdownColumn<Row> {
  readonly title: string;
  readonly text: (row: Row) => string;
  /** Numbers are right-aligned. */
  readonly isNumber?: boolean;
}

/** The maximum number of rows on a page; the JSON report has all of them. */
const MOST_ROWS = 500;
/** Longer cells do not widen the column. */
const WIDEST_PADDED = 100;

/** An aligned Markdown table; empty if there are no rows. */
export function markdownTable<Row>(rows: readonly Row[], columns: readonly MarkdownColumn<Row>[]): string {
  if (rows.length === 0) return '';
  const cells = rows.slice(0, MOST_ROWS).map((row) => columns.map(({ text }) => plainText(text(row))));
  const widths = columns.map(({ title }, index) =>
    cells.reduce(
      (width, row) => Math.max(width, Math.min(row[index]?.length ?? 0, WIDEST_PADDED)),
      Math.max(title.length, 3),
    ),
  );
  const line = (texts: readonly string[]): string =>
    `| ${texts.map((text, index) => (columns[index]?.isNumber ? text.padStart(widths[index] ?? 0) : text.padEnd(widths[index] ?? 0))).join(' | ')} |`;
  const rule = columns.map(({ isNumber }, index) => {
    const dashes = '-'.repeat((widths[index] ?? 3) - 1);
    return isNumber ? `${dashes}:` : `-${dashes}`;
  });
  const more = rows.length - cells.length;
  return [
    line(columns.map(({ title }) => title)),
    line(rule),
    ...cells.map(line),
    ...(more > 0 ? ['', `${counted(more, 'more row')} in the JSON report.`] : []),
  ].join('\n');
}

/**
 * Characters with a meaning in GitHub's Markdown inside a line: markup, tables, HTML, character references, formulas,
 * and automatic links. Underscores inside a word have none. https://github.github.com/gfm/#backslash-escapes,
 * https://github.github.com/gfm/#autolinks-extension-
 */
const MARKUP = /[\\`*[\]<>|~&$]|(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])|(?<=https?|ftp|mailto|xmpp):|(?<=www)\./giu;

/** Escapes foreign text: it can break no table, hide no link, add no markup and hide no character. */
export const plainText = (text: string): string => visibleLine(text).replace(MARKUP, '\\$&');

/** A section with the controls for which it is evidence. @param title may contain foreign text */
export const section = (title: string, controls: string, body: string): string =>
  `\n## ${plainText(title)}\n\n_NIST SP 800-53: ${controls}_\n\n${body}\n`;
