/** What the demo printed, as sentences. */

export interface Page {
  /** Title and description. */
  readonly title: readonly string[];
  readonly story: readonly { readonly text: string; readonly lines: number }[];
  /** Rows, each with its label: `at risk  apps/a: CVE-1`. */
  readonly result: readonly string[];
  readonly storyLines: number;
  readonly resultLines: number;
  readonly longestSilenceSeconds: number;
  /** Whether the story names what the result has no room for. */
  readonly hasList: boolean;
}

const TIMED = /^ *(\d+) s {2}(.*)$/;
const LABELLED = /^ {2}(.{9}) {2}(.*)$/;

/** @param text the output of the demo without colours, with or without the block of `--keep` */
export function pageOf(text: string): Page {
  const lines = withoutKept(text.trimEnd().split('\n'));
  const at = lines.findIndex((line) => line.startsWith('Result: '));
  expect(at).toBeGreaterThan(0);
  const [before, after] = [lines.slice(0, at).filter((line) => line !== ''), lines.slice(at)];
  const seconds = before.flatMap((line) => TIMED.exec(line)?.[1] ?? []).map(Number);
  const first = before.findIndex((line) => TIMED.test(line));
  const story = storyOf(before.slice(first));
  return {
    title: [before[0] ?? '', ...(first > 1 ? [joined(before.slice(1, first))] : [])],
    story,
    result: resultOf(after),
    storyLines: before.length,
    resultLines: after.length,
    longestSilenceSeconds: Math.max(...seconds.map((one, index) => one - (seconds[index - 1] ?? 0))),
    hasList: story.some((one) => one.text === 'Also at risk at the end'),
  };
}

function withoutKept(lines: readonly string[]): string[] {
  const from = lines.indexOf('The cloud keeps running');
  if (from < 0) return [...lines];
  const length = lines.slice(from).indexOf('');
  return [...lines.slice(0, from), ...lines.slice(from + length)];
}

const joined = (lines: readonly string[]): string => lines.map((line) => line.trim()).join(' ');

function storyOf(lines: readonly string[]): Page['story'] {
  const found: string[][] = [];
  let isList = false;
  for (const line of lines) {
    const [, , text] = TIMED.exec(line) ?? [];
    if (text !== undefined) isList = text === 'Also at risk at the end';
    if (text !== undefined) found.push([text]);
    else if (isList && /^ {8}\S/.test(line)) found.push([`risk: ${line.trim()}`]);
    else found.at(-1)?.push(line);
  }
  return found.map((sentence) => ({ text: joined(sentence), lines: sentence.length }));
}

/** A row without a label has that of the row above; one that is indented further continues a row. */
function resultOf([heading = '', ...lines]: readonly string[]): string[] {
  const rows: string[] = [];
  let label = '';
  for (const line of lines) {
    const [, own = '', text = ''] = LABELLED.exec(line) ?? [];
    if (text.startsWith('  ')) rows.push(`${rows.pop()} ${text.trim()}`);
    else {
      label = own.trim() || label;
      rows.push(`${label}  ${text}`);
    }
  }
  return [heading, ...rows];
}
