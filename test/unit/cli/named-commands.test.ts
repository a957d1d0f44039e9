import { readdirSync, readFileSync } from 'node:fs';
import type { Command } from '../../../cli/command.ts';

const ROOT = new URL('../../../', import.meta.url);
const COMMON = ['json', 'stack', 'region', 'help'];

/** Every command by its name: `confirmLeftCommand` is `confirm-left`. */
async function commandsByName(): Promise<ReadonlyMap<string, Command>> {
  const folder = new URL('cli/commands/', ROOT);
  const modules = await Promise.all(readdirSync(folder).map((file) => import(new URL(file, folder).href)));
  return new Map(
    modules
      .flatMap((one: Readonly<Record<string, Command>>) => Object.entries(one))
      .filter(([name]) => name.endsWith('Command'))
      .map(([name, command]) => [
        name.replace(/Command$/, '').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
        command,
      ]),
  );
}

const pages = ['README.md', ...readdirSync(new URL('docs/', ROOT)).filter((name) => name.endsWith('.md'))].map(
  (name) => [name, readFileSync(new URL(name === 'README.md' ? name : `docs/${name}`, ROOT), 'utf8')] as const,
);

/** What a page tells a person to type: the words behind `patchwave` in a code span, and in a block of shell. */
function typed(page: string): readonly string[] {
  const blocks = [...page.matchAll(/^ *```sh\n([\s\S]*?)^ *```/gm)].map(([, block = '']) => block);
  const prose = page.replaceAll(/^ *```[\s\S]*?^ *```/gm, '');
  const spans = [...prose.matchAll(/`([^`]+)`/g)].map(([, span = '']) => span.replaceAll(/\s+/g, ' '));
  return [...spans, ...blocks.join('').split('\n')].flatMap((text) => {
    const [, words] = /^ *(?:npm run (?:--silent )?)?patchwave (?:-- )?([a-z][^#]*)/.exec(text) ?? [];
    return words === undefined ? [] : [words.trim()];
  });
}

test('pages are parsed by code spans and shell blocks', () => {
  const page = 'Run `npm run patchwave --\nplan --tree`.\n\n```sh\npatchwave why IMAGE   # a comment\n```\n';
  expect(typed(page)).toEqual(['plan --tree', 'why IMAGE']);
});

test.each(pages)('%s names only existing commands and options', async (_name, page) => {
  const commands = await commandsByName();
  const wrong = typed(page).filter((text) => {
    const [name = '', ...words] = text.split(/\s+/);
    const options = words.flatMap((word) => /^--([a-z-]+)/.exec(word)?.[1] ?? []);
    const known = Object.keys(commands.get(name)?.options ?? {});
    return (
      !(commands.has(name) || name === 'help') || options.some((option) => ![...known, ...COMMON].includes(option))
    );
  });
  expect(wrong).toEqual([]);
});
