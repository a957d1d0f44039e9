import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { jest } from '@jest/globals';
import { buildCommand, COMMAND } from '../../../scripts/bundle.ts';
import { ROOT } from '../../../scripts/setup.mjs';
import { runCommand } from '../../integration/oracle/command.ts';

const exec = promisify(execFile);
const LIMIT_MS = 120_000;
// npm starts slowly on a machine that is busy.
jest.setTimeout(LIMIT_MS);

/** Without the network, and with nothing of the person's own settings. */
const OFFLINE = { ...process.env, npm_config_offline: 'true', npm_config_audit: 'false', npm_config_fund: 'false' };

describe('the package of npm pack', () => {
  let folder = '';
  let files: readonly string[] = [];
  let filename = '';
  const installed = () => join(folder, 'project', 'node_modules', '.bin', 'patchwave');

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'patchwave-package-'));
    await buildCommand();
    // The build ran already, and `prepack` would build every function too.
    const { stdout } = await exec('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
      ...{ cwd: ROOT, env: OFFLINE },
    });
    const [packed] = JSON.parse(stdout) as [{ readonly filename: string; readonly files: { readonly path: string }[] }];
    filename = packed.filename;
    files = packed.files.map(({ path }) => path);
    await mkdir(join(folder, 'project'));
    await writeFile(join(folder, 'project', 'package.json'), '{"private":true}');
    await exec('npm', ['install', '--ignore-scripts', join(folder, packed.filename)], {
      ...{ cwd: join(folder, 'project'), env: OFFLINE },
    });
  }, LIMIT_MS);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('it holds the command and nothing else', () => {
    expect([...files].sort()).toEqual(['LICENSE', 'README.md', COMMAND.bin, COMMAND.file, 'package.json'].sort());
  });

  test('it installs without another package, and runs from any folder', async () => {
    const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
    const { stdout, stderr } = await exec(installed(), ['--version'], { cwd: tmpdir() });
    expect({ stdout, stderr }).toEqual({ stdout: `${version}\n`, stderr: '' });
  });

  test('an earlier Node.js gets what its language lacks', async () => {
    const features = ['Array.fromAsync', 'Map.groupBy', 'Set.prototype.union', 'globalThis.Iterator'];
    const before = `${features.map((name) => `delete ${name};`).join('')}
      process.on('exit', () => console.log([${features.join()}].map((one) => typeof one).join()));`;
    const preload = `data:text/javascript,${encodeURIComponent(before)}`;
    const { stdout } = await exec(process.execPath, ['--import', preload, installed(), '--version']);
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('function,function,function,function');
  });

  test('npx runs it, installed or from the file', async () => {
    const { stdout } = await exec('npx', ['--no-install', 'patchwave', 'help'], {
      ...{ cwd: join(folder, 'project'), env: OFFLINE },
    });
    expect(stdout).toContain('patchwave COMMAND [options]');
    const words = ['--yes', '--package', join(folder, filename), 'patchwave', 'help'];
    const env = { ...OFFLINE, npm_config_cache: join(folder, 'cache') };
    expect((await exec('npx', words, { cwd: tmpdir(), env })).stdout).toBe(stdout);
  });

  test('paths are relative to the folder of the person, and --json prints one document', async () => {
    const place = join(folder, 'elsewhere');
    await mkdir(place);
    await writeFile(
      join(place, 'my.yaml'),
      'version: 1\nstreams: []\nseverities: []\nages:\n  default: { limitDays: 30 }\n',
    );
    await writeFile(join(place, 'Dockerfile'), 'FROM scratch\n');
    const run = (...words: string[]) => exec(installed(), words, { cwd: place });
    const { stdout, stderr } = await run('policy', 'validate', 'my.yaml', '--json');
    expect({ ...JSON.parse(stdout), stderr }).toEqual({
      valid: true,
      version: expect.any(String),
      warnings: [],
      stderr: '',
    });
    expect((await run('lint', '.', '--policy', 'my.yaml')).stdout).toBe('1 file: 0 violating, 0 unknown\n');
  });

  test('npm run patchwave uses the folder in which npm was called', async () => {
    const words = ['--here', 'cli/main.ts', 'policy', 'validate', 'absent.yaml'];
    const { code, stderr } = await runCommand('scripts/run.mjs', words, { INIT_CWD: folder });
    expect(code).toBe(2);
    expect(stderr).toContain('absent.yaml');
    await writeFile(
      join(folder, 'absent.yaml'),
      'version: 1\nstreams: []\nseverities: []\nages:\n  default: { limitDays: 30 }\n',
    );
    expect(await runCommand('scripts/run.mjs', words, { INIT_CWD: folder })).toMatchObject({ code: 0 });
  });

  test('bash completes commands, actions, options and files by the script of the package', async () => {
    const answers = await completed([
      ['patchwave', 'stat'],
      ['patchwave', 'policy', ''],
      ['patchwave', 'plan', '--po'],
      ['patchwave', 'plan', '--policy', 'tem'],
      ['patchwave', 'pause', '--reason', ''],
      ['patchwave', 'help', 'protec'],
    ]);
    expect(answers).toEqual([
      ['status'],
      expect.arrayContaining(['validate', 'apply', 'show']),
      ['--policy'],
      ['template.yaml'],
      [],
      ['protection'],
    ]);
  });

  test('bash runs neither what is typed nor the names of files', async () => {
    const place = join(folder, 'hostile');
    await mkdir(place);
    await writeFile(join(place, 'my $(touch ran-name).yaml'), '');
    await writeFile(join(place, 'my.yaml'), '');
    const answers = await completed(
      [
        ['patchwave', 'why', '$(touch ran-word)', '--exit'],
        ['patchwave', 'pause;touch ran-command', '--reason'],
        ['patchwave', 'plan', '--policy', 'my'],
      ],
      place,
    );
    expect(answers.map((words) => words.join(' '))).toEqual(['--exit-code', '', 'my.yaml']);
    expect((await readdir(place)).filter((name) => name.startsWith('ran'))).toEqual([]);
  });

  test('bash reads the script twice without a word', async () => {
    const script = 'source <(patchwave completion bash); source <(patchwave completion bash)';
    expect(await inBash(script, ROOT)).toEqual({ stdout: '', stderr: '' });
  });

  /** What bash offers for the last of some words, in a folder. */
  async function completed(lines: readonly (readonly string[])[], cwd = ROOT): Promise<readonly (readonly string[])[]> {
    const asking = lines.map((words) => {
      const quoted = words.map((word) => `'${word}'`).join(' ');
      return `COMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; COMPREPLY=(); __patchwave_complete 2>/dev/null; echo "\${COMPREPLY[@]}"`;
    });
    const script = [`source <(patchwave completion bash)`, ...asking].join('\n');
    const { stdout } = await inBash(script, cwd);
    return stdout
      .replace(/\n$/, '')
      .split('\n')
      .map((line) => line.split(' ').filter((word) => word !== ''));
  }

  const inBash = (script: string, cwd: string) =>
    exec('bash', ['--norc', '-c', script], {
      ...{ cwd, env: { ...process.env, PATH: `${join(installed(), '..')}:${process.env.PATH}` } },
    });

  test.each(['zsh', 'fish'])('there is a script for %s, and an error for an unknown shell', async (shell) => {
    const { stdout } = await exec(installed(), ['completion', shell]);
    expect(stdout).toContain('patchwave complete');
    await expect(exec(installed(), ['completion', 'tcsh'])).rejects.toMatchObject({ code: 2 });
  });
});

/** The language of Node.js 20, and what the bundle adds to it (`LATER_THAN_NODE_20`). */
const NODE_20_LANGUAGE = [
  'es2023',
  'es2024.string',
  ...['es2024.collection', 'es2025.collection', 'es2025.iterator', 'esnext.array'],
];

test('the command uses nothing of the language that Node.js 20 and the bundle lack', async () => {
  const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
  const project = JSON.parse(await readFile(join(ROOT, 'tsconfig.json'), 'utf8'));
  const { include: _, compilerOptions } = project;
  const lib = {
    ...compilerOptions,
    lib: NODE_20_LANGUAGE,
    types: ['node'],
    typeRoots: [join(ROOT, 'node_modules/@types')],
  };
  const folder = await mkdtemp(join(tmpdir(), 'patchwave-node-20-'));
  try {
    const file = join(folder, 'tsconfig.json');
    await writeFile(file, JSON.stringify({ compilerOptions: lib, files: [join(ROOT, COMMAND.entry)] }));
    const { stdout } = await exec(process.execPath, [compiler, '-p', file]).catch((failed) => failed);
    expect(stdout).toBe('');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
