import type { Command } from '../command.ts';
import { EXIT } from '../errors.ts';
import { print } from '../output.ts';

export const reportCommand: Command = {
  summary: 'Prints the report of a review as Markdown, or with --json as JSON.',
  synopsis: '[--run ID]',
  words: [0, 0],
  options: { run: { type: 'string' } },
  optionHelp: { 'run ID': 'the review to report on (default: the last one that ended)' },
  async run(context, { flags, json }) {
    const { reviews } = await context();
    const run = typeof flags.run === 'string' ? flags.run : undefined;
    print((await reviews.report(json ? 'json' : 'md', run)).trimEnd());
    return EXIT.done;
  },
};
