import { counted } from './counted.ts';
import { visibleLine } from './visible-text.ts';

export interface MarkdownColumn<Row> {
  readonly title: string;
  readonly text: (row: Row) => string;
  /** Numbers stand to the right. */
  readonly isNumber?: boolean;
}

/** A page holds so many rows of a table; its JSON twin has all of them. */
const MOST_ROWS = 500;
/** A longer cell would push all others aside for one row's sake. */
const WIDEST_PADDED = 100;

/** An aligned Markdown table; empty where there are no rows. */
export function table<Row>(rows: readonly Row[], columns: readonly MarkdownColumn<Row>[]): string {
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
 * What means something in GitHub's Markdown inside a line: markup, tables, HTML, character references, formulas, and
 * addresses that become links by themselves. Underscores inside a word mean nothing.
 * https://github.github.com/gfm/#backslash-escapes, https://github.github.com/gfm/#autolinks-extension-
 */
const MARKUP = /[\\`*[\]<>|~&$]|(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])|(?<=https?|ftp|mailto|xmpp):|(?<=www)\./giu;

/** Text of other people stays text: it can break no table, hide no link, bring no markup, and hides no character. */
export const plainText = (text: string): string => visibleLine(text).replace(MARKUP, '\\$&');

/** A section with the controls that it is evidence for. @param title may hold text of other people */
export const section = (title: string, controls: string, body: string): string =>
  `\n## ${plainText(title)}\n\n_NIST SP 800-53: ${controls}_\n\n${body}\n`;
