import { readdirSync, readFileSync } from 'node:fs';
import { COMMANDS } from '../../../cli/all-commands.ts';
import { commandHelp } from '../../../cli/help.ts';
import { documented } from '../../support/documented-actions.ts';

const ROOT = new URL('../../../', import.meta.url);
const page = readFileSync(new URL('docs/commands.md', ROOT), 'utf8');
const names = Object.keys(COMMANDS);

test('every command file is registered in cli/all-commands.ts', async () => {
  const folder = new URL('cli/commands/', ROOT);
  const modules = await Promise.all(readdirSync(folder).map((file) => import(new URL(file, folder).href)));
  const exported = modules.flatMap((one: Readonly<Record<string, unknown>>) =>
    Object.entries(one).filter(([name]) => name.endsWith('Command')),
  );
  const registered = new Set<unknown>(Object.values(COMMANDS));
  expect(exported.filter(([, command]) => !registered.has(command)).map(([name]) => name)).toEqual([]);
  expect(exported).toHaveLength(names.length);
});

/** The first column of the table of commands. */
const [, rows = ''] = page.split('\n| command | does | changes |\n');
const listed = [...(rows.split('\n\n')[0] ?? '').matchAll(/^\| ([^|]+) \|/gm)].map(([, cell = '']) => cell);

test.each(names)('the table of commands in docs/commands.md has a row of %s', (name) => {
  const begin = new RegExp(`\`${name}(?=[ \`])`);
  expect(listed.filter((cell) => begin.test(cell))).not.toEqual([]);
});

/** Reads no installation. */
const WITHOUT_AWS: readonly string[] = ['completion'];
const withAws = names.filter((name) => !WITHOUT_AWS.includes(name));

test.each(withAws)('the table of permissions in docs/commands.md has a row of %s', (name) => {
  expect([...documented.keys()].filter((one) => one === name || one.startsWith(`${name} `))).not.toEqual([]);
});

/** The chapter of a command; `pause and resume` is that of both. */
const chapterOf = (name: string): string =>
  page.split(/^## /m).find((text) => new RegExp(`^(?:.* )?${name}(?: .*)?\n`).test(text)) ?? '';

/** Prints no JSON document of its own. */
const WITHOUT_JSON: readonly string[] = ['ledger', 'completion'];

test.each(names.filter((name) => !WITHOUT_JSON.includes(name)))(
  'docs/commands.md says what --json of %s prints: in its chapter, or with its name in "As data"',
  (name) => {
    const [, asData = ''] = page.split('\n### As data\n');
    expect(chapterOf(name).includes('`--json`') || new RegExp(`\`${name}(?: \\w+)? --json\``).test(asData)).toBe(true);
  },
);

/** Their actions are not asked for on the tables of the ledger: S3, Step Functions, a scan, or the calls of `doctor`. */
const ASKED_ELSEWHERE: readonly string[] = [
  'init',
  'report',
  'review',
  'policy',
  'lint',
  'ledger',
  'lineage',
  'doctor',
];

test.each(withAws.filter((name) => !ASKED_ELSEWHERE.includes(name)))(
  'permissions.test.ts asks %s for its actions',
  (name) => {
    const text = readFileSync(new URL('test/unit/cli/permissions.test.ts', ROOT), 'utf8');
    expect(text).toMatch(new RegExp(`  \\['${name}(?: \\w+)?', `));
  },
);

/** Named in docs/commands.md, with the word that follows if the option takes a value. */
const isDocumented = (option: string): boolean => page.includes(`\`--${option}\``) || page.includes(`--${option} `);

test.each(Object.entries(COMMANDS))('docs/commands.md names each option of %s', (_name, { options }) => {
  expect(Object.keys(options).filter((option) => !isDocumented(option))).toEqual([]);
});

test('docs/commands.md names each option that all commands take', () => {
  const help = commandHelp('', {
    summary: '',
    synopsis: '',
    words: [0, 0],
    options: {},
    optionHelp: {},
    run: async () => 0,
  });
  const common = [...help.matchAll(/^ {2}--([a-z-]+)/gm)].map(([, option = '']) => option);
  expect(common).toContain('stack');
  expect(common.filter((option) => !isDocumented(option))).toEqual([]);
});
