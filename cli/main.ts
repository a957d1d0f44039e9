#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { COMMANDS } from './all-commands.ts';
import type { Arguments, Command } from './command.ts';
import { connect } from './context.ts';
import { EXIT, explained, UsageError } from './errors.ts';
import { commandHelp, helpOf, noSuchCommand } from './help.ts';
import { print, printError } from './output.ts';

const COMMON = {
  json: { type: 'boolean' },
  stack: { type: 'string' },
  region: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

const HELP: readonly string[] = ['help', '--help', '-h'];

function argumentsOf(name: string, command: Command, words: string[]): Arguments & { help: boolean } {
  try {
    const { values, positionals } = parseArgs({
      args: words,
      options: { ...COMMON, ...command.options },
      allowPositionals: true,
    });
    const [least, most] = command.words;
    const asksForHelp = values.help === true;
    if (!asksForHelp && (positionals.length < least || positionals.length > most)) {
      throw new UsageError(`Expected: patchwave ${name} ${command.synopsis}`.trimEnd());
    }
    return {
      positionals,
      flags: values as Arguments['flags'],
      json: values.json === true,
      help: asksForHelp,
    };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    // Node's second sentence is about arguments that start with a dash, which no command takes.
    const [what] = (error as Error).message.split('. To specify');
    throw new UsageError(`${what}\nSee: patchwave ${name} --help`);
  }
}

async function main([first, ...words]: string[]): Promise<number> {
  const [second] = words;
  const asksFor = first === 'help' ? second : undefined;
  if (first === undefined || (HELP.includes(first) && asksFor === undefined)) {
    print(helpOf(COMMANDS));
    return first === undefined ? EXIT.usage : EXIT.done;
  }
  if (first === '--version') {
    print(JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version);
    return EXIT.done;
  }
  const name = asksFor ?? first;
  const command = COMMANDS[name];
  if (command === undefined) throw new UsageError(noSuchCommand(name, COMMANDS));
  if (asksFor !== undefined) {
    print(commandHelp(name, command));
    return EXIT.done;
  }
  const args = argumentsOf(name, command, words);
  if (args.help) {
    print(commandHelp(name, command));
    return EXIT.done;
  }
  const { stack, region } = args.flags;
  return command.run(() => connect({ stack: textOf(stack), region: textOf(region) }), args);
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
