import { readdirSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';
import type { Command } from '../../../cli/command.ts';
import { explained } from '../../../cli/errors.ts';
import { commandHelp, helpOf, noSuchCommand } from '../../../cli/help.ts';
import { shown } from '../../../cli/output.ts';

const FOLDER = new URL('../../../cli/commands/', import.meta.url);

/** Every command that a file of the folder exports, by the name of the export. */
async function allCommands(): Promise<Readonly<Record<string, Command>>> {
  const files = readdirSync(FOLDER);
  const modules = await Promise.all(files.map((file) => import(new URL(file, FOLDER).href)));
  const exported = modules.flatMap((one: Readonly<Record<string, unknown>>) => Object.entries(one));
  return Object.fromEntries(exported.filter((one): one is [string, Command] => isCommand(one[1])));
}

const isCommand = (value: unknown): value is Command =>
  typeof value === 'object' && value !== null && 'optionHelp' in value && 'synopsis' in value;

const tooLong = (text: string): string[] =>
  stripVTControlCharacters(shown(text))
    .split('\n')
    .filter((line) => line.length > 80);

test('the help fits on a terminal of 80 columns', async () => {
  const commands = await allCommands();
  expect(Object.keys(commands).length).toBeGreaterThan(10);
  expect(tooLong(helpOf(commands))).toEqual([]);
  for (const [name, command] of Object.entries(commands)) expect(tooLong(commandHelp(name, command))).toEqual([]);
});

test('the help of a command explains each of its options', async () => {
  for (const command of Object.values(await allCommands())) {
    const explainedOptions = Object.keys(command.optionHelp).map((option) => option.split(' ')[0]);
    expect(explainedOptions.sort()).toEqual(Object.keys(command.options).sort());
  }
});

/** `IMAGE` and `ACCOUNT/REGION[/EKS-CLUSTER]`, but not the values of options. */
const argumentsIn = (synopsis: string): string[] => [
  ...new Set(synopsis.replaceAll(/--[\w-]+ [A-Z]+/g, '').match(/[A-Z][A-Z/]+(?:\[\/[A-Z-]+\])?/g)),
];

test('the help of a command explains each of its arguments', async () => {
  for (const { synopsis, argumentHelp = {} } of Object.values(await allCommands()))
    expect(Object.keys(argumentHelp)).toEqual(argumentsIn(synopsis));
});

test('an argument or option that is wider than its column is apart from its text', async () => {
  for (const { synopsis, argumentHelp = {}, optionHelp, ...command } of Object.values(await allCommands())) {
    const help = shown(commandHelp('x', { synopsis, argumentHelp, optionHelp, ...command })).split('\n');
    for (const name of [...Object.keys(argumentHelp), ...Object.keys(optionHelp).map((option) => `--${option}`)]) {
      const at = help.findIndex((line) => line.startsWith(`  ${name}`));
      expect(help[at]).toMatch(name.length < 17 ? /^.{18} \S/ : /\S$/);
      if (name.length >= 17) expect([help[at], help[at + 1]]).toEqual([`  ${name}`, expect.stringMatching(/^ {19}\S/)]);
    }
  }
});

test('a misspelled command suggests the nearest one', async () => {
  const { statusCommand } = await allCommands();
  if (!statusCommand) throw new Error('no status');
  expect(noSuchCommand('statu', { status: statusCommand })).toBe(
    'There is no command "statu". Did you mean "status"? See: patchwave help',
  );
  expect(noSuchCommand('xyzzy', { status: statusCommand })).toBe('There is no command "xyzzy". See: patchwave help');
});

test('a cause contained in the message is not printed again', () => {
  const cause = new Error('no such host');
  expect(explained(new Error('It cannot be read.', { cause }))).toBe('It cannot be read.\n  because: no such host');
  expect(explained(new Error('line 2: no such host', { cause }))).toBe('line 2: no such host');
});
