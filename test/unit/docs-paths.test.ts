import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

/* Paths, links and commands that the pages name are there. */

const pages = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.md'], { encoding: 'utf8' })
  .split('\n')
  .filter((path) => path !== '' && path !== 'CHANGELOG.md' && existsSync(path))
  .map((path) => ({ path, text: readFileSync(path, 'utf8') }));
const withoutBlocks = (text: string): string => text.replaceAll(/^ *```[\s\S]*?^ *```/gm, '');

/** The names by which a page's headings are linked to (GitHub's rule). */
const anchorsOf = (text: string): readonly string[] =>
  [...withoutBlocks(text).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );

test.each(pages)('each link of $path leads to a file and a heading that there are', ({ path, text }) => {
  const links = [...withoutBlocks(text).matchAll(/\]\((?!https?:|mailto:)([^)\s]*)\)/g)].map(([, link = '']) => link);
  const broken = links.filter((link) => {
    const [file = '', anchor] = link.split('#');
    const target = file === '' ? path : normalize(join(dirname(path), file));
    if (!existsSync(target)) return true;
    return (
      anchor !== undefined && statSync(target).isFile() && !anchorsOf(readFileSync(target, 'utf8')).includes(anchor)
    );
  });
  expect(broken).toEqual([]);
});

test('each decision in docs/adr has a number of its own, which its title and the links to it repeat', () => {
  const records = pages.filter(({ path }) => /^docs\/adr\/\d{4}-/.test(path));
  const numbers = records.map(({ path }) => Number(path.slice('docs/adr/'.length, 'docs/adr/0000'.length)));
  expect(numbers).toEqual([...new Set(numbers)]);
  expect(records.map(({ text }) => Number(/^# (\d+)\. /.exec(text)?.[1]))).toEqual(numbers);
  const links = pages.flatMap(({ text }) => [...text.matchAll(/\[ADR\s+(\d+)\]\([^)]*?(\d{4})-/g)]);
  expect(links.length).toBeGreaterThan(10);
  expect(links.filter(([, shown, linked]) => Number(shown) !== Number(linked)).map(([link]) => link)).toEqual([]);
});

/** Folders of the project, by which a code span is known as a path. Capitals stand for a name that varies. */
const PATH = /^(?:bench|cli|docs|events|functions|local|registry|scripts|shared|statemachines|test)\/[\w./-]*$/;

test.each(pages.filter(({ path }) => !path.startsWith('docs/adr/')))(
  'each path that $path names in code is there',
  ({ path, text }) => {
    const spans = [...withoutBlocks(text).matchAll(/`([^`\n]+)`/g)].map(([, span = '']) => span);
    const named = spans.filter((span) => PATH.test(span) && !/[A-Z]{3}|\.\.\./.test(span));
    const missing = named.filter((span) => !existsSync(span) && !existsSync(join(dirname(path), span)));
    expect(missing).toEqual([]);
  },
);

/** Everything that a page can name: sources, templates, definitions, samples and settings. */
const sources = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { encoding: 'utf8' })
  .split('\n')
  .filter((path) => /\.(?:ts|mjs|py|ya?ml|json)$/.test(path) && !/^(?:package-lock|test\/mutants)/.test(path))
  .filter((path) => existsSync(path))
  .map((path) => readFileSync(path, 'utf8'))
  .join('\n');

/**
 * A name with a capital inside, as types, functions, members, parameters and states have it, or with dashes inside, as
 * codes and functions of AWS Lambda have it.
 */
const NAME = /^(?:[A-Za-z]+[a-z][A-Z]\w*|[a-z]+(?:-[a-z]+)+)$/;

/** Words of the AWS CLI. */
const NOT_OURS: readonly string[] = ['put-events'];

test.each(pages.filter(({ path }) => !path.startsWith('docs/adr/')))(
  'each name that $path has in code is in the sources',
  ({ text }) => {
    const spans = [...withoutBlocks(text).matchAll(/`([^`\n]+)`/g)].map(([, span = '']) => span);
    // A function's name begins with that of its stack.
    const names = new Set(spans.filter((span) => NAME.test(span)).map((name) => name.replace(/^patchwave-/, '')));
    expect([...names].filter((name) => !sources.includes(name) && !NOT_OURS.includes(name))).toEqual([]);
  },
);

/** `one` and `other` in `folder/file.ts`, as the tables of docs/architecture.md name what decides. */
const PLACED = /`(\w+)`(?: and `(\w+)`)? in `([\w./-]+\.ts)`/g;

test('each name that docs/architecture.md has with its file is exported there', () => {
  const { text = '' } = pages.find(({ path }) => path === 'docs/architecture.md') ?? {};
  const placed = [...text.matchAll(PLACED)].flatMap(([, one = '', other, file = '']) =>
    [one, ...(other === undefined ? [] : [other])].map((name) => ({ name, file })),
  );
  expect(placed.length).toBeGreaterThan(40);
  const isExported = ({ name, file }: { readonly name: string; readonly file: string }): boolean =>
    new RegExp(`^export .*\\b${name}\\b`, 'm').test(readFileSync(file, 'utf8'));
  expect(placed.filter((one) => !isExported(one))).toEqual([]);
});

/** Steps of recipes in CONTRIBUTING.md whose files all have a name: what is done, and where. */
const steps = [...readFileSync('CONTRIBUTING.md', 'utf8').matchAll(/^\| \d+\. (.*?) \| (.*?) \|/gm)]
  .map(([, todo = '', where = '']) => ({
    todo,
    names: [...todo.matchAll(/`([A-Za-z]\w*)`/g)]
      .map(([, name = '']) => name)
      .filter((name) => /[a-z][A-Z]|_/.test(name)),
    files: [...where.matchAll(/`([\w./-]+)`/g)]
      .map(([, path = '']) => path)
      .filter((path) => PATH.test(path) || /\.\w+$/.test(path)),
  }))
  .filter(({ names, files }) => names.length > 0 && files.length > 0 && files.every((file) => existsSync(file)));

test.each(steps)('the files of a step hold the names that it uses: $todo', ({ names, files }) => {
  const text = files
    .filter((file) => statSync(file).isFile())
    .map((file) => readFileSync(file, 'utf8'))
    .join('\n');
  expect(names.filter((name) => !new RegExp(`\\b${name}\\b`).test(text))).toEqual([]);
});

const testFiles = new Set(
  readdirSync('test', { recursive: true, encoding: 'utf8' }).map((path) => path.split(/[\\/]/).at(-1)),
);

test('each test that CONTRIBUTING.md names is there', () => {
  const named = [...readFileSync('CONTRIBUTING.md', 'utf8').matchAll(/`(?:[\w/]+\/)?([\w.-]+\.test\.ts)`/g)];
  expect(named.length).toBeGreaterThan(10);
  expect(named.map(([, name = '']) => name).filter((name) => !/[A-Z]/.test(name) && !testFiles.has(name))).toEqual([]);
});

test.each(pages)('each npm script that $path names is in package.json', ({ text }) => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
  const named = [...text.matchAll(/npm run\s+(?:--silent\s+)?([a-z:-]+)/g)].map(([, name = '']) => name);
  expect(named.filter((name) => !(name in scripts))).toEqual([]);
});

test('the picture of the flow in docs/architecture.md shows every function', () => {
  const [, picture = ''] = /```mermaid\n([\s\S]*?)```/.exec(readFileSync('docs/architecture.md', 'utf8')) ?? [];
  const missing = readdirSync('functions').filter((name) => !new RegExp(`(?<![\\w-])${name}(?![\\w-])`).test(picture));
  expect(missing).toEqual([]);
});

test('each guided deployment of a second template has settings of its own: without, it writes over those of the hub', () => {
  const templates = readdirSync('.').filter((name) => name.endsWith('.yaml'));
  const texts = [...pages, ...templates.map((path) => ({ path, text: readFileSync(path, 'utf8') }))];
  const deployments = texts.flatMap(({ path, text }) =>
    [...text.matchAll(/sam deploy --guided(?:[^`\n]*\\\n)*[^`\n]*/g)].map(([command]) => `${path}: ${command}`),
  );
  const others = deployments.filter((command) => command.includes('--template-file'));
  expect(others.length).toBeGreaterThan(8);
  expect(others.filter((command) => !/ --config-env [a-z-]+ /.test(command))).toEqual([]);
});
