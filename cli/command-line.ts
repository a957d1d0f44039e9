import { visibleLine } from '../shared/domain/common/visible-text.ts';
import { COMMANDS } from './all-commands.ts';
import type { CliContext } from './command.ts';
import { EXIT, explained, UsageError } from './errors.ts';
import { printError } from './output.ts';
import { runProgram } from './program.ts';
import type { Where } from './where.ts';

/** A shell asks it for what may follow, by the script that `completion` prints. */
const COMPLETE = 'complete';

/**
 * Runs one command line: prints its answer, or an error.
 * @param connect connects to the installation that `--stack` and `--region` name
 * @returns the exit code
 */
export async function runCommandLine(
  words: readonly string[],
  connect: (where: Where) => Promise<CliContext>,
): Promise<number> {
  try {
    if (words[0] !== COMPLETE)
      return await runProgram(COMMANDS, words, (command, args) => {
        const { stack, region } = args.flags;
        return command.run(() => connect({ stack: textOf(stack), region: textOf(region) }), args);
      });
    const { complete } = await import('./completion/complete.ts');
    complete(COMMANDS, words.slice(words[1] === '--' ? 2 : 1));
    return EXIT.done;
  } catch (error) {
    printError(`patchwave: ${withoutLongWords(explained(error), words)}`);
    return error instanceof UsageError ? EXIT.usage : EXIT.failed;
  }
}

const textOf = (flag: string | boolean | undefined): string | undefined =>
  typeof flag === 'string' ? flag : undefined;

const LONGEST_WORD = 120;

/** An error repeats what a person typed, which may be a whole file, or have line ends that forge further lines. */
const withoutLongWords = (text: string, words: readonly string[]): string =>
  words.reduce((left, word) => {
    if (word.length <= LONGEST_WORD && visibleLine(word) === word) return left;
    const begin = visibleLine([...word.slice(0, LONGEST_WORD)].join(''));
    return left.replaceAll(word, () =>
      word.length > LONGEST_WORD ? `${begin}... (${word.length} characters)` : begin,
    );
  }, text);
