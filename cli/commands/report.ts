import type { Command } from '../command.ts';
import { EXIT } from '../errors.ts';
import { print, widthOfTerminal } from '../output.ts';
import { reportPage } from '../report/report-page.ts';

export const reportCommand: Command = {
  summary:
    'Prints the report of a review: on a terminal as tables that fit it, in a file or a pipe as Markdown, with --json as JSON.',
  synopsis: '[--run ID]',
  words: [0, 0],
  options: { run: { type: 'string' } },
  optionHelp: { 'run ID': 'the review to report on (default: the last one that ended)' },
  async run(context, { flags, json }) {
    const { reviews } = await context();
    const run = typeof flags.run === 'string' ? flags.run : undefined;
    const report = (await reviews.report(json ? 'json' : 'md', run)).trimEnd();
    const columns = json ? undefined : widthOfTerminal(process.stdout);
    print(columns === undefined ? report : reportPage(report, columns));
    return EXIT.done;
  },
};
