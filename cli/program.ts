import { CommanderError, InvalidArgumentError, Option, Command as Program } from 'commander';
import type { Arguments, Command } from './command.ts';
import { EXIT, UsageError } from './errors.ts';
import { COMMON_OPTIONS, commandHelp, helpOf, noSuchCommand } from './help.ts';
import { print } from './output.ts';
import { VERSION } from './version.ts';

type Commands = Readonly<Record<string, Command>>;

const HELP = 'help';

/**
 * Parses the words of a command line, and runs the command that they name.
 * @param run runs one command; returns the exit code
 * @returns the exit code
 * @throws UsageError for words that are no valid use, and what `run` throws
 */
export async function runProgram(
  commands: Commands,
  words: readonly string[],
  run: (command: Command, args: Arguments) => Promise<number>,
): Promise<number> {
  let code: number = EXIT.done;
  const program = emptyProgram(commands);
  for (const [name, command] of Object.entries(commands)) {
    const one = program.command(name).argument('[words...]');
    for (const option of optionsOf(command, words)) one.addOption(option);
    one.action(async (positionals: string[]) => {
      const [least, most] = command.words;
      if (positionals.length < least || positionals.length > most)
        throw new UsageError(`Expected: patchwave ${name} ${command.synopsis}`.trimEnd());
      const flags = flagsOf(one);
      code = await run(command, { positionals, flags, json: flags.json === true });
    });
  }
  try {
    await program.parseAsync(words, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return endOf(error, program, commands);
  }
  return code;
}

function emptyProgram(commands: Commands): Program {
  const program = new Program('patchwave')
    .exitOverride()
    .configureOutput({ writeOut: (text) => print(text.trimEnd()), writeErr: () => undefined })
    .configureHelp({
      formatHelp: (one) => {
        const command = commands[one.name()];
        return command === undefined ? helpOf(commands) : commandHelp(one.name(), command);
      },
    })
    .version(VERSION, '--version')
    .helpCommand(false);
  for (const option of commonOptions([])) program.addOption(option);
  program
    .command(HELP)
    .argument('[words...]')
    .action(([name]: string[]) => {
      if (name !== undefined && name !== HELP && !Object.hasOwn(commands, name))
        throw new UsageError(noSuchCommand(name, commands));
      const command = name === undefined || name === HELP ? undefined : commands[name];
      print(command === undefined || name === undefined ? helpOf(commands) : commandHelp(name, command));
    });
  return program;
}

const commonOptions = (words: readonly string[]): readonly Option[] =>
  Object.entries(COMMON_OPTIONS).map(([name, text]) => {
    const [word = '', value] = name.split(' ');
    return value === undefined
      ? new Option(`--${word}`, text)
      : new Option(`--${word} <${value}>`, text).argParser(valueIn(words));
  });

function optionsOf({ options, optionHelp }: Command, words: readonly string[]): readonly Option[] {
  const own = Object.entries(optionHelp).map(([name, text]) => {
    const [word = '', value] = name.split(' ');
    const { short, type } = options[word] ?? {};
    const flags = `${short === undefined ? '' : `-${short}, `}--${word}`;
    return type === 'string'
      ? new Option(`${flags} <${value}>`, text).argParser(valueIn(words))
      : new Option(flags, text);
  });
  return [...own, ...commonOptions(words)];
}

/** An option that follows in place of a value is a forgotten value. `--reason=--text` is none. */
const valueIn =
  (words: readonly string[]) =>
  (value: string): string => {
    // An empty variable of a shell: the default in its place would be another stack, policy or folder than the one meant.
    if (value === '') throw new InvalidArgumentError('It is empty. Give a value, or leave the option out.');
    if (value.startsWith('-') && value.length > 1 && words.includes(value))
      throw new InvalidArgumentError('A value follows the option, or is written as --option=VALUE.');
    return value;
  };

/** By the names that the command line has, not by those in camel case. */
function flagsOf(one: Program): Arguments['flags'] {
  const values = one.optsWithGlobals<Record<string, string | boolean | undefined>>();
  return Object.fromEntries(
    one.options.map((option) => [option.long?.slice('--'.length) ?? option.name(), values[option.attributeName()]]),
  );
}

/** @throws UsageError unless help or the version was asked for */
function endOf({ code, message }: CommanderError, { args: [name] }: Program, commands: Commands): number {
  switch (code) {
    case 'commander.helpDisplayed':
    case 'commander.version':
      return EXIT.done;
    case 'commander.help':
      print(helpOf(commands));
      return EXIT.usage;
    case 'commander.unknownCommand':
      throw new UsageError(noSuchCommand(name ?? '', commands));
    default: {
      const text = message
        .replace(/^error: /, '')
        .replaceAll('\n', ' ')
        .replace(/[^.)]$/, '$&.');
      const see = name !== undefined && Object.hasOwn(commands, name) ? `patchwave ${name} --help` : 'patchwave help';
      throw new UsageError(`${text.charAt(0).toUpperCase()}${text.slice(1)} See: ${see}`);
    }
  }
}
