import { styleText } from 'node:util';
import { DAY_MS, HOUR_MS } from '../shared/domain/time.ts';

export type Colour = 'red' | 'green' | 'yellow' | 'cyan' | 'bold' | 'dim';

/** Colours only on a terminal that wants them: `styleText` honours `NO_COLOR`, `FORCE_COLOR` and pipes. */
export const paint = (colour: Colour, text: string): string => styleText(colour, text, { stream: process.stdout });

export const print = (text = ''): void => {
  process.stdout.write(`${text}\n`);
};

export const printJson = (document: unknown): void => print(JSON.stringify(document));

export interface Column<Row> {
  readonly title: string;
  readonly value: (row: Row) => string;
  readonly align?: 'right';
  readonly colour?: (row: Row) => Colour | undefined;
}

/** Rows under aligned titles, two spaces apart. Lines end where their text does. */
export function table<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string {
  const cells = rows.map((row) => columns.map((column) => column.value(row)));
  const widths = columns.map((column, at) =>
    cells.reduce((most, line) => Math.max(most, line[at]?.length ?? 0), column.title.length),
  );
  /** The padding stands outside of the colour, so that an end of spaces can be cut off. */
  const line = (cells: readonly string[], colours: readonly (Colour | undefined)[]): string =>
    cells
      .map((text, at) => {
        const colour = colours[at];
        const painted = colour === undefined || text === '' ? text : paint(colour, text);
        const space = ' '.repeat((widths[at] ?? 0) - text.length);
        return columns[at]?.align === 'right' ? space + painted : painted + space;
      })
      .join('  ')
      .trimEnd();
  const titles = columns.map(({ title }) => title);
  const head = line(
    titles,
    titles.map(() => 'dim'),
  );
  const body = rows.map((row, at) =>
    line(
      cells[at] ?? [],
      columns.map(({ colour }) => colour?.(row)),
    ),
  );
  return [head, ...body].join('\n');
}

const MINUTE_MS = 60_000;

/** `in 3 days`, `12 hours ago`, `5 minutes ago`, `now`; hours below two days. */
export function relative(epochMs: number, nowEpochMs: number): string {
  const distanceMs = Math.abs(epochMs - nowEpochMs);
  if (distanceMs < MINUTE_MS) return 'now';
  const [unitMs, unit] =
    distanceMs < HOUR_MS ? [MINUTE_MS, 'minute'] : distanceMs < 2 * DAY_MS ? [HOUR_MS, 'hour'] : [DAY_MS, 'day'];
  const text = counted(Math.floor(distanceMs / unitMs), unit);
  return epochMs > nowEpochMs ? `in ${text}` : `${text} ago`;
}

/** `1 fact`, `2 facts`. */
export const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

export const shortDigest = (digest: string): string => digest.slice(0, 'sha256:'.length + 12);
