#!/usr/bin/env node
import { COMMANDS } from './all-commands.ts';
import type { Arguments, Command } from './command.ts';
import { EXIT, explained, UsageError } from './errors.ts';
import { printError } from './output.ts';
import { runProgram } from './program.ts';

/** A shell asks it for what may follow, by the script that `completion` prints. */
const COMPLETE = 'complete';

async function main(words: readonly string[]): Promise<number> {
  if (words[0] !== COMPLETE) return runProgram(COMMANDS, words, run);
  const { complete } = await import('./completion/complete.ts');
  complete(COMMANDS, words.slice(words[1] === '--' ? 2 : 1));
  return EXIT.done;
}

function run(command: Command, args: Arguments): Promise<number> {
  const { stack, region } = args.flags;
  return command.run(async () => {
    // Loaded late: help and usage errors need no client of AWS.
    const { connect } = await import('./context.ts');
    return connect({ stack: textOf(stack), region: textOf(region) });
  }, args);
}

const textOf = (flag: string | boolean | undefined): string | undefined =>
  typeof flag === 'string' ? flag : undefined;

// A reader that stops early (`| head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.done);
});

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  printError(`patchwave: ${explained(error)}`);
  process.exitCode = error instanceof UsageError ? EXIT.usage : EXIT.failed;
}
