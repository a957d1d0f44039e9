import type { Names } from './names.ts';
import type { Progress } from './progress.ts';
import type { DemoResult } from './result.ts';
import type { Story } from './story.ts';
import { summaryOf } from './summary.ts';

/** Ends the demo: the reasons that the result has no room for, then the result. */
export function printSummary(
  progress: Progress,
  story: Story,
  result: DemoResult,
  names: Names,
  command: string,
): void {
  const linesOf = ({ text, indent }: { text: string; indent: number }): number => progress.wrapped(text, indent).length;
  const { lines, others } = summaryOf(result, names, command, linesOf);
  story.list('Also at risk at the end', others, '`--verbose` names every image');
  progress.line();
  for (const { text, indent } of lines) progress.text(text, indent);
}
