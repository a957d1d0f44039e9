import type { Names } from './names.ts';
import type { Progress } from './progress.ts';
import type { DemoResult } from './result.ts';
import type { Story } from './story.ts';
import { type SummaryLine, summaryOf } from './summary.ts';

/** Tells the reasons that the result has no room for. @returns the lines of the result, to print as the last ones */
export function tellSummary(
  progress: Progress,
  story: Story,
  result: DemoResult,
  names: Names,
  command: string,
): readonly SummaryLine[] {
  const linesOf = ({ text, indent }: SummaryLine): number => progress.wrapped(text, indent).length;
  const first = summaryOf(result, names, { command, rest: 'see above', linesOf });
  const left = story.list('Also at risk at the end', first.others);
  return left === 0 ? first.lines : summaryOf(result, names, { command, rest: 'see `--verbose`', linesOf }).lines;
}

export function printSummary(progress: Progress, lines: readonly SummaryLine[]): void {
  progress.line();
  for (const { text, indent } of lines) progress.text(text, indent);
}
