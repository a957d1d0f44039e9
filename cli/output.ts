import { randomUUID } from 'node:crypto';
import { inspect, styleText } from 'node:util';
import { counted } from '../shared/domain/common/counted.ts';
import { DAY_MS, HOUR_MS } from '../shared/domain/common/time.ts';
import { visibleJson, visibleLine, visibleText } from '../shared/domain/common/visible-text.ts';
import { EXIT } from './errors.ts';

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
  process.stderr.write(`${shown(fitted(clipped(text), BELOW, widthOfTerminal(process.stderr)))}\n`);
};

/**
 * Ends the process if standard output cannot be written. A reader that stops early (`| head`) is no error. On a full disk
 * half an answer must not look like a whole one.
 */
export function endIfUnwritable(): void {
  process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    if (code === 'EPIPE') process.exit(EXIT.done);
    printError(`patchwave: The answer cannot be written whole: ${message}.`);
    process.exit(EXIT.failed);
  });
}

const USUAL_WIDTH = 80;

/** @returns nothing for a file or a pipe; some terminals say 0 */
export const widthOfTerminal = ({ isTTY, columns }: { readonly isTTY?: boolean; readonly columns?: number }) =>
  isTTY ? columns || USUAL_WIDTH : undefined;

const MOST_LINES = 40;
const MOST_IN_LINE = 1000;

/** Input that is repeated in an error may be of any size. */
function clipped(text: string): string {
  const lines = text.split('\n');
  const shownLines = lines.slice(0, MOST_LINES).map((line) => {
    const letters = [...line];
    return letters.length > MOST_IN_LINE
      ? `${letters.slice(0, MOST_IN_LINE).join('')}... (${letters.length - MOST_IN_LINE} more characters)`
      : line;
  });
  const more = lines.length - MOST_LINES;
  return [...shownLines, ...(more > 0 ? [`and ${counted(more, 'more line')}`] : [])].join('\n');
}

/** A line about what goes on, wrapped to the terminal; the answer follows on standard output. */
export const printProgress = (text: string): void => {
  process.stderr.write(`${shown(fitted(visibleLine(text), HANGING, widthOfTerminal(process.stderr)))}\n`);
};

const HANGING = 2;

/** Prints foreign text as one line. */
export const printLine = (text: string): void => print(inLine(text));

const HOME_AND_CLEAR = '\u001b[H\u001b[2J';
const USUAL_HEIGHT = 24;

/** Draws a page over what a terminal shows. What is below its last line is counted. */
export function redraw(text: string): void {
  const most = (process.stdout.rows || USUAL_HEIGHT) - 2;
  const lines = text.split('\n');
  const more = lines.length - most;
  const page =
    more > 0 ? [...lines.slice(0, most), paint('dim', `and ${counted(more, 'more line')}: patchwave status`)] : lines;
  process.stdout.write(`${HOME_AND_CLEAR}${shown(page.join('\n'))}\n`);
}

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
/** Fewest letters of a text beside its title. */
const LEAST_BELOW = 8;

/**
 * Rows under aligned titles, two spaces apart, without trailing spaces. If only the last column does not fit on the
 * terminal, its text wraps within the column. On a narrow terminal the last columns go below their row, each with its
 * title, wrapped between words. A word that is longer than a line is broken, so no line is wider than the terminal. In a
 * file or a pipe each row is one line.
 */
export function table<Row>(
  rows: readonly Row[],
  columns: readonly TableColumn<Row>[],
  terminalColumns: number | undefined = widthOfTerminal(process.stdout),
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
    const line = padded.join(GAP).trimEnd();
    if (last === undefined)
      return isWhole || beside > 1 ? [line] : [...wrapped(line, terminalColumns ?? Infinity, GAP.length, 'break')];
    const [first = '', ...more] = wrapped(last.trimEnd(), left, 0, 'break').map((text) =>
      inColour(colours.at(-1), text),
    );
    const indent = ' '.repeat((terminalColumns ?? 0) - left);
    return [[...padded, first].join(GAP).trimEnd(), ...more.map((text) => indent + text)];
  };
  const titleWidth = Math.max(0, ...titles.slice(beside).map((title) => title.length));
  const below = (cells: readonly string[], colours: readonly (Colour | undefined)[]): string[] =>
    cells.flatMap((text, at) => {
      if (at < beside || text === '' || text === '-') return [];
      const title = paint('dim', (titles[at] ?? '').padEnd(titleWidth));
      const width = terminalColumns ?? 0;
      const afterTitle = BELOW + titleWidth + GAP.length;
      const indent = width - afterTitle < LEAST_BELOW ? BELOW : afterTitle;
      return wrapped(`${' '.repeat(BELOW)}${title}${GAP}${inColour(colours[at], text)}`, width, indent, 'break');
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
 * Wraps a text between words to the terminal width, and indents the following lines. Colours take no width.
 * @param long whether a word that is longer than a line stays whole, so that it can be copied, or is broken
 */
export function wrapped(
  text: string,
  width: number,
  indent: number,
  long: 'whole' | 'break' = 'whole',
): readonly string[] {
  const lines: string[] = [];
  let line: string | undefined;
  const most = Math.max(1, width - indent);
  const words = text.split(' ');
  for (const word of long === 'break' ? words.flatMap((one) => piecesOfWord(one, most)) : words) {
    const longer: string = line === undefined ? word : `${line} ${word}`;
    const isFull = line !== undefined && line.trim() !== '' && widthOf(longer) > width;
    if (isFull) lines.push((line ?? '').trimEnd());
    line = isFull ? `${' '.repeat(indent)}${word}` : longer;
  }
  return [...lines, line ?? ''];
}

function piecesOfWord(word: string, width: number): readonly string[] {
  if (widthOf(word) <= width) return [word];
  const pieces = [''];
  let left = width;
  // Every second part is the code of a colour.
  for (const [at, part] of word.split(MARK).entries()) {
    for (const letter of at % 2 === 0 ? part : [mark(part)]) {
      if (at % 2 === 0 && left === 0) {
        pieces.push('');
        left = width;
      }
      pieces[pieces.length - 1] += letter;
      if (at % 2 === 0) left -= 1;
    }
  }
  return pieces;
}

/** Text whose lines are wrapped between words to the terminal, the following lines indented. In a file or a pipe unchanged. */
export const fitted = (
  text: string,
  indent: number,
  terminalColumns: number | undefined = widthOfTerminal(process.stdout),
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
