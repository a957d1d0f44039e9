import { fitted, paint, type TableColumn, table } from '../output.ts';

type Cells = readonly string[];

/**
 * A report for a terminal: its tables fit the width, and its markup is gone. Text that the report escapes is itself again;
 * what prints the page shows it without effect.
 * @param markdown as `reportMarkdown` writes it
 * @param columns the width of the terminal
 */
export function reportPage(markdown: string, columns: number): string {
  const parts: string[] = [];
  let rows: string[] = [];
  const endTable = (): void => {
    if (rows.length > 0) parts.push(tableOf(rows, columns));
    rows = [];
  };
  for (const line of markdown.trimEnd().split('\n')) {
    if (line.startsWith('| ')) rows.push(line);
    else {
      endTable();
      parts.push(lineOf(line, columns));
    }
  }
  endTable();
  return parts.join('\n').replaceAll(/\n{3,}/g, '\n\n');
}

function tableOf([titles = '', rule = '', ...rows]: readonly string[], columns: number): string {
  const rules = cellsOf(rule);
  const columnsOf = cellsOf(titles).map((title, at): TableColumn<Cells> => {
    const isNumber = rules[at]?.endsWith(':') === true;
    return { title, value: (cells) => cells[at] ?? '', ...(isNumber && { align: 'right' }) };
  });
  return table(rows.map(cellsOf), columnsOf, columns);
}

/** A bar within a cell has a backslash before it. */
const cellsOf = (line: string): Cells =>
  line
    .slice('| '.length, -' |'.length)
    .split(' | ')
    .map((cell) => plain(cell.trim()));

function lineOf(line: string, columns: number): string {
  const [, heading] = /^#+ (.*)$/.exec(line) ?? [];
  if (heading !== undefined) return paint('bold', fitted(plain(heading), 2, columns));
  const [, controls] = /^_(.*)_$/.exec(line) ?? [];
  if (controls !== undefined) return paint('dim', fitted(plain(controls), 2, columns));
  return fitted(plain(line.replaceAll(/(?<!\\)\*\*/g, '')), 2, columns);
}

const plain = (text: string): string => text.replaceAll(/\\([\\`*[\]<>|~&$_:.])/g, '$1');
