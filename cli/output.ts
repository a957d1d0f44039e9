import { randomUUID } from 'node:crypto';
import { inspect, styleText } from 'node:util';
import { counted } from '../shared/domain/common/counted.ts';
import { DAY_MS, HOUR_MS } from '../shared/domain/common/time.ts';
import { visibleJson, visibleLine, visibleText } from '../shared/domain/common/visible-text.ts';

export type Colour = 'red' | 'green' | 'yellow' | 'cyan' | 'bold' | 'dim';

/* All printed text goes through this file. Names, versions and labels of images come from other parties, so each
 * character is shown and no escape sequence of theirs reaches a terminal or a log. Our own colours stay marks until the
 * end, with a random number that no image can know. */
const NONCE = randomUUID();
const MARK = new RegExp(`\0${NONCE}:(\\d+);`, 'g');
const mark = (code: number | string): string => `\0${NONCE}:${code};`;

/** Colours only on a terminal that wants them: `styleText` honours `NO_COLOR`, `FORCE_COLOR` and pipes. */
export const paint = (colour: Colour, text: string): string =>
  styleText(colour, 'x', { stream: process.stdout }) === 'x' ? text : coloured(colour, text);

/** A coloured text for any output. */
export function coloured(colour: Colour, text: string): string {
  const [begin = 0, end = 0] = inspect.colors[colour] ?? [];
  return `${mark(begin)}${text}${mark(end)}`;
}

/** A text that is safe for a terminal or a log: with our colours, and with hidden characters shown as escapes. */
export const shown = (text: string): string => betweenMarks(text, visibleText, (code) => `\u001b[${code}m`);

/** The same on one line; colours stay marks. */
const inLine = (text: string): string => betweenMarks(text, visibleLine, mark);

/** Width of a text on a terminal. */
export const widthOf = (text: string): number => betweenMarks(text, visibleText, () => '').length;

const betweenMarks = (text: string, between: (part: string) => string, ofMark: (code: string) => string): string =>
  text
    .split(MARK)
    .map((part, at) => (at % 2 === 0 ? between(part) : ofMark(part)))
    .join('');

export const print = (text = ''): void => {
  process.stdout.write(`${shown(text)}\n`);
};

/** Prints an error, each line wrapped to the terminal. */
export const printError = (text: string): void => {
  const { isTTY, columns } = process.stderr;
  process.stderr.write(`${shown(fitted(text, BELOW, isTTY ? columns : undefined))}\n`);
};

/** A line about what goes on; the answer follows on standard output. */
export const printProgress = (text: string): void => {
  process.stderr.write(`${shown(visibleLine(text))}\n`);
};

export const printJson = (document: unknown): void => print(visibleJson(document));

export interface TableColumn<Row> {
  readonly title: string;
  readonly value: (row: Row) => string;
  readonly align?: 'right';
  readonly colour?: (row: Row) => Colour | undefined;
  /** A last column, such as a tree, that stays in its line at any width. */
  readonly isWhole?: true;
}

const GAP = '  ';
const BELOW = 4;
/** Fewest letters of a column whose text wraps. */
const WRAPS_FROM = 40;

/**
 * Rows under aligned titles, two spaces apart, without trailing spaces. If only the last column does not fit on the
 * terminal, its text wraps within the column. On a narrow terminal the last columns go below their row, each with its
 * title, wrapped between words. In a file or a pipe each row is one line.
 */
export function table<Row>(
  rows: readonly Row[],
  columns: readonly TableColumn<Row>[],
  terminalColumns: number | undefined = process.stdout.isTTY ? process.stdout.columns : undefined,
): string {
  const cells = rows.map((row) => columns.map((column) => inLine(column.value(row))));
  const widths = columns.map((column, at) =>
    cells.reduce((most, line) => Math.max(most, widthOf(line[at] ?? '')), column.title.length),
  );
  const left = (terminalColumns ?? 0) - widths.slice(0, -1).reduce((sum, width) => sum + width + GAP.length, 0);
  const fitting = besideEachOther(widths, terminalColumns);
  const isWhole = columns.at(-1)?.isWhole === true;
  const isLastOver = fitting === columns.length - 1;
  const beside = isLastOver && (isWhole || left >= WRAPS_FROM) ? columns.length : fitting;
  const wraps = isLastOver && beside === columns.length && !isWhole;
  const titles = columns.map(({ title }) => title);
  const lineOf = (cells: readonly string[], colours: readonly (Colour | undefined)[]): string[] => {
    const texts = cells.slice(0, beside);
    const last = wraps ? texts.pop() : undefined;
    // The padding is outside the colour, so that trailing spaces can be cut.
    const padded = texts.map((text, at) => {
      const painted = inColour(colours[at], text);
      const space = ' '.repeat((widths[at] ?? 0) - widthOf(text));
      return columns[at]?.align === 'right' ? space + painted : painted + space;
    });
    if (last === undefined) return [padded.join(GAP).trimEnd()];
    const [first = '', ...more] = wrapped(last.trimEnd(), left, 0).map((text) => inColour(colours.at(-1), text));
    const indent = ' '.repeat((terminalColumns ?? 0) - left);
    return [[...padded, first].join(GAP).trimEnd(), ...more.map((text) => indent + text)];
  };
  const titleWidth = Math.max(0, ...titles.slice(beside).map((title) => title.length));
  const below = (cells: readonly string[], colours: readonly (Colour | undefined)[]): string[] =>
    cells.flatMap((text, at) => {
      if (at < beside || text === '' || text === '-') return [];
      const title = paint('dim', (titles[at] ?? '').padEnd(titleWidth));
      const indent = BELOW + titleWidth + GAP.length;
      return wrapped(`${' '.repeat(BELOW)}${title}${GAP}${inColour(colours[at], text)}`, terminalColumns ?? 0, indent);
    });
  const head = lineOf(
    titles,
    titles.map(() => 'dim'),
  );
  const body = rows.flatMap((row, at) => {
    const colours = columns.map(({ colour }) => colour?.(row));
    return [...lineOf(cells[at] ?? [], colours), ...below(cells[at] ?? [], colours)];
  });
  return [...head, ...body].join('\n');
}

const inColour = (colour: Colour | undefined, text: string): string =>
  colour === undefined || text === '' ? text : paint(colour, text);

/** Number of first columns that fit beside each other, at least one. */
function besideEachOther(widths: readonly number[], terminalColumns: number | undefined): number {
  if (terminalColumns === undefined) return widths.length;
  let end = -GAP.length;
  const beyond = widths.findIndex((width) => {
    end += GAP.length + width;
    return end > terminalColumns;
  });
  return beyond < 0 ? widths.length : Math.max(1, beyond);
}

/**
 * Wraps a text between words to the terminal width, and indents the following lines. A longer word stays whole. Colours
 * take no width.
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

/** Text whose lines are wrapped between words to the terminal, the following lines indented. In a file or a pipe unchanged. */
export const fitted = (
  text: string,
  indent: number,
  terminalColumns: number | undefined = process.stdout.isTTY ? process.stdout.columns : undefined,
): string =>
  terminalColumns === undefined
    ? text
    : text
        .split('\n')
        .flatMap((line) => wrapped(line, terminalColumns, indent))
        .join('\n');

const MINUTE_MS = 60_000;

/** `in 3 days`, `12 hours ago`, `5 minutes ago`, `now`; in hours below two days. */
export function relative(epochMs: number, nowEpochMs: number): string {
  const distanceMs = Math.abs(epochMs - nowEpochMs);
  if (distanceMs < MINUTE_MS) return 'now';
  const [unitMs, unit] =
    distanceMs < HOUR_MS ? [MINUTE_MS, 'minute'] : distanceMs < 2 * DAY_MS ? [HOUR_MS, 'hour'] : [DAY_MS, 'day'];
  const text = counted(Math.floor(distanceMs / unitMs), unit);
  return epochMs > nowEpochMs ? `in ${text}` : `${text} ago`;
}

export const shortDigest = (digest: string): string => digest.slice(0, 'sha256:'.length + 12);
