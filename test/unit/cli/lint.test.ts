import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { lintCommand } from '../../../cli/commands/lint.ts';
import { UsageError } from '../../../cli/errors.ts';
import { forgedLines, hiddenIn, hostileTexts, MOST_HOSTILE } from '../../support/hostile.ts';
import { resultsIn } from '../../support/sarif.ts';
import { fc } from '../../support/seeded.ts';
import { planWorld } from '../cascade-plan/support.ts';
import { cliContext, run } from './support.ts';

const POLICY = 'version: 1\nages: { default: { limitDays: 30 } }\nstreams: []\nseverities: []\n';
const OWN = '111122223333.dkr.ecr.eu-west-1.amazonaws.com/base/debian:12';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'lint-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

/** Runs the command with a policy of a file, so without an installation. */
async function lint(flags: Readonly<Record<string, string | boolean>> = {}, place = 'src') {
  write('policy.yaml', POLICY);
  mkdirSync(join(root, 'src'), { recursive: true });
  const { code, text } = await run(lintCommand, undefined as never, [join(root, place)], {
    policy: join(root, 'policy.yaml'),
    ...flags,
  });
  return { code, text, lines: text.split('\n').filter((line) => line !== '' && !line.startsWith(' ')) };
}

test('every Dockerfile below the folder is checked, in the order of their paths', async () => {
  const names = [
    'Dockerfile',
    'a/Containerfile',
    'a/Dockerfile.test',
    'a/Dockerfile-3.12',
    'a/Dockerfile_dev',
    'a/dockerfile',
    'a/dockerfile-dev',
    'b/dev.Dockerfile',
    'b/x.containerfile',
    '.ci/Dockerfile',
  ];
  for (const name of names) write(`src/${name}`, `FROM ${OWN}\n`);
  const ignores = ['Dockerfile.dockerignore', 'Dockerfile.dev.dockerignore', 'dev.Dockerfile.dockerignore'];
  const programs = ['dockerfile.ts', 'dockerfile-words.ts', 'node_modules/x/Dockerfile', '.git/Dockerfile'];
  const texts = ['Dockerfile-notes.md', 'Dockerfile_check.py', 'Containerfile-words.test.ts', 'Dockerfile-list.yml'];
  for (const name of [...ignores, ...programs, ...texts]) write(`src/${name}`, 'FROM nowhere\n');
  const { code, text } = await lint({ json: true });
  expect(code).toBe(0);
  expect(JSON.parse(text)).toMatchObject({ files: names.toSorted(), findings: [] });
});

test('a link to a folder is not followed, so no file is read twice and none outside', async () => {
  write('outside/Dockerfile', 'FROM nowhere\n');
  write('src/a/Dockerfile', `FROM ${OWN}\n`);
  symlinkSync(join(root, 'outside'), join(root, 'src/outside'));
  symlinkSync(join(root, 'src/a'), join(root, 'src/b'));
  symlinkSync(join(root, 'src'), join(root, 'src/a/loop'));
  expect(JSON.parse((await lint({ json: true })).text)).toMatchObject({ files: ['a/Dockerfile'], findings: [] });
});

test('the exit code is 3 for a violation, 4 for an unknown line, 0 if all follow the rules', async () => {
  write('src/Dockerfile', `FROM ${OWN}\n`);
  expect(await lint()).toMatchObject({ code: 0, lines: ['1 file: 0 violating, 0 unknown'] });
  write('src/a/Dockerfile', 'ARG TAG\nFROM debian:$TAG\n');
  expect((await lint()).code).toBe(4);
  write('src/b/Dockerfile', `FROM ${OWN}@sha256:${'a'.repeat(64)}\n`);
  const { code, lines } = await lint();
  expect(code).toBe(3);
  expect(lines).toEqual([
    'a/Dockerfile:2: unknown parent-known: FROM is not judged: the build decides what TAG is: its ARG has no default.',
    expect.stringMatching(/^b\/Dockerfile:1: violating no-digest-pin: FROM names /),
    '3 files: 1 violating, 1 unknown',
  ]);
});

test('a folder without a Dockerfile is unknown, and one that is not there is a usage error', async () => {
  expect((await lint()).code).toBe(4);
  await expect(lint({}, 'nowhere')).rejects.toThrow(UsageError);
});

test('a single file is checked whatever its name', async () => {
  write('src/build.txt', 'FROM debian\n');
  expect((await lint({}, 'src/build.txt')).lines[0]).toMatch(/^build.txt:1: violating our-registries/);
});

test('what cannot be read is unknown, and the others are still checked', async () => {
  write('secret', 'FROM hidden:1\n');
  write('src/a/Dockerfile', `FROM ${OWN}\n`);
  symlinkSync(join(root, 'secret'), join(root, 'src/Dockerfile'));
  symlinkSync(join(root, 'src/a/Dockerfile'), join(root, 'src/Dockerfile.link'));
  symlinkSync(join(root, 'gone'), join(root, 'src/Dockerfile.gone'));
  mkdirSync(join(root, 'src/b'));
  write('src/c/Dockerfile', `FROM ${OWN}\n${'#'.repeat(1024 * 1024)}`);
  const { code, lines } = await lint();
  expect(code).toBe(4);
  expect(lines).toEqual([
    expect.stringContaining(
      'Dockerfile:1: unknown parent-known: The file is not judged: it is a link to a file outside',
    ),
    expect.stringContaining(
      'Dockerfile.gone:1: unknown parent-known: The file is not judged: it cannot be read (ENOENT)',
    ),
    expect.stringContaining('c/Dockerfile:1: unknown parent-known: The file is not judged: it is larger than 1 MiB'),
    '5 files: 0 violating, 3 unknown',
  ]);
});

const isRoot = process.getuid?.() === 0;
(isRoot ? test.skip : test)('a folder that may not be read is unknown', async () => {
  write('src/a/Dockerfile', `FROM ${OWN}\n`);
  mkdirSync(join(root, 'src/b'));
  chmodSync(join(root, 'src/b'), 0);
  expect(await lint()).toMatchObject({ code: 4 });
});

test('--sarif gives a result for each finding, with its place', async () => {
  write('src/a b/Dockerfile', 'FROM debian\n');
  const { code, text } = await lint({ sarif: true });
  expect(code).toBe(3);
  expect(resultsIn(text)).toMatchObject([
    { ruleId: 'our-registries', level: 'error', locations: [{ physicalLocation: { region: { startLine: 1 } } }] },
    { ruleId: 'no-latest', locations: [{ physicalLocation: { artifactLocation: { uri: 'a%20b/Dockerfile' } } }] },
  ]);
});

test('--json and --sarif exclude each other', async () => {
  await expect(lint({ json: true, sarif: true })).rejects.toThrow(UsageError);
});

test('without --policy the policy in force judges', async () => {
  write('src/Dockerfile', 'FROM 111122223333.dkr.ecr.eu-west-1.amazonaws.com/x:1\n');
  const world = await planWorld();
  const { version } = await world.policies.current();
  const { text } = await run(lintCommand, cliContext(world), [join(root, 'src')], { json: true });
  expect(JSON.parse(text)).toMatchObject({ policyVersion: version, files: ['Dockerfile'] });
});

test('text of a Dockerfile is shown with each character visible, and makes no link', async () => {
  await fc.assert(
    fc.asyncProperty(hostileTexts, async (text) => {
      write('src/Dockerfile', `FROM "${text}"\nFROM debian:12 AS x\nCOPY --from='${text}' / /\n`);
      for (const flags of [{}, { json: true }, { sarif: true }]) {
        const output = await lint(flags);
        expect(output.code).not.toBe(0);
        expect([hiddenIn(output.text), forgedLines(output.text)]).toEqual([undefined, []]);
        if ('sarif' in flags)
          for (const { message } of resultsIn(output.text)) expect(message.text).not.toMatch(/(?<!\\)\[a/);
      }
    }),
    { numRuns: 20, examples: [[MOST_HOSTILE]] },
  );
});
