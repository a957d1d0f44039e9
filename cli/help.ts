import { nearest } from './acting/find-stream.ts';
import type { Command } from './command.ts';
import { paint, wrapped } from './output.ts';

type Commands = Readonly<Record<string, Command>>;

/** Width of a usual terminal. */
const COLUMNS = 80;
const INDENT = 2;
/** Column of the option text. */
const OPTION_COLUMN = 19;

export const COMMON_OPTIONS = {
  json: 'print one JSON document',
  'stack NAME': 'the name of the Patchwave stack (default: $PATCHWAVE_STACK, else "patchwave")',
  'region REGION': 'the Region of that stack (default: as the AWS CLI finds it)',
} as const;

/** Every command with its summary. No line is longer than 80 columns. */
export function helpOf(commands: Commands): string {
  return [
    `${paint('bold', 'patchwave')} COMMAND [options]`,
    '',
    ...Object.entries(commands).flatMap(([name, { synopsis, summary }]) => [
      ...lines(`  ${paint('bold', name)} ${synopsis}`, INDENT + name.length + 1),
      ...lines(`      ${summary}`, 6),
    ]),
    '',
    ...optionLines(COMMON_OPTIONS),
    ...lines('  --version        the version of these commands', OPTION_COLUMN),
    '',
    ...lines(
      'Exit codes: 0 done, 1 failed, 2 usage error; of checks, or with --exit-code, also 3 violating, 4 unknown. The help of a command says more.',
      0,
    ),
    'patchwave COMMAND --help explains the arguments and options of a command.',
  ].join('\n');
}

/** One command with its options. No line is longer than 80 columns. */
export const commandHelp = (name: string, { optionHelp, ...command }: Command): string =>
  usageHelp(`patchwave ${name}`, { ...command, optionHelp: { ...optionHelp, ...COMMON_OPTIONS } });

type Usage = Pick<Command, 'synopsis' | 'summary' | 'optionHelp' | 'argumentHelp'>;

/** How to call a program, and what it does. No line is longer than 80 columns. */
export function usageHelp(program: string, { synopsis, summary, optionHelp, argumentHelp = {} }: Usage): string {
  return [
    ...lines(`${program} ${synopsis}`.trimEnd(), `${program} `.length),
    '',
    ...lines(summary, 0),
    '',
    ...Object.entries(argumentHelp).flatMap(([argument, text]) => helpLines(argument, text)),
    ...optionLines(optionHelp),
  ].join('\n');
}

/** Error for an unknown command. */
export function noSuchCommand(name: string, commands: Commands): string {
  const [near] = nearest(name, Object.keys(commands));
  return `There is no command "${name}". ${near === undefined ? '' : `Did you mean "${near}"? `}See: patchwave help`;
}

const optionLines = (options: Readonly<Record<string, string>>): string[] =>
  Object.entries(options).flatMap(([option, text]) => helpLines(`--${option}`, text));

/** A name that is wider than its column has a line of its own. */
function helpLines(name: string, text: string): string[] {
  const head = `  ${name}`;
  const isWide = head.length >= OPTION_COLUMN;
  const first = `${isWide ? ''.padEnd(OPTION_COLUMN) : head.padEnd(OPTION_COLUMN)}${text}`;
  return [...(isWide ? [head] : []), ...lines(first, OPTION_COLUMN)];
}

const lines = (text: string, indent: number): string[] => [...wrapped(text, COLUMNS, indent)];
