import type { Command } from '../command.ts';
import { EXIT, UsageError } from '../errors.ts';

export const completionCommand: Command = {
  summary: 'Prints the script by which a shell completes commands and options.',
  synopsis: 'bash|zsh|fish',
  words: [1, 1],
  options: {},
  optionHelp: {},
  async run(_, { positionals: [name] }) {
    const { printScript, SHELLS } = await import('../completion/complete.ts');
    const shell = SHELLS.find((one) => one === name);
    if (shell === undefined)
      throw new UsageError(`There is no completion for "${name}". Expected: patchwave completion ${SHELLS.join('|')}`);
    printScript(shell);
    return EXIT.done;
  },
};
