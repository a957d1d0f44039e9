import type { Names } from './names.ts';
import type { Progress } from './progress.ts';
import type { DemoResult } from './result.ts';
import type { Story } from './story.ts';
import { type SummaryLine, summaryOf } from './summary.ts';

/** Ends the demo: the reasons that the result has no room for, then the result. */
export function printSummary(
  progress: Progress,
  story: Story,
  result: DemoResult,
  names: Names,
  command: string,
): void {
  const linesOf = ({ text, indent }: SummaryLine): number => progress.wrapped(text, indent).length;
  const first = summaryOf(result, names, { command, rest: 'see above', linesOf });
  const left = story.list('Also at risk at the end', first.others);
  const { lines } = left === 0 ? first : summaryOf(result, names, { command, rest: 'see `--verbose`', linesOf });
  progress.line();
  for (const { text, indent } of lines) progress.text(text, indent);
}
