import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NODE, ROOT } from '../../scripts/setup.mjs';

/** How a run of test files ended. */
export interface TestRun {
  /** Titles of the tests that failed. */
  readonly failed: readonly string[];
  readonly passed: number;
  /** Files that did not load: a failure of these says nothing about what they test. */
  readonly notLoaded: readonly string[];
  readonly seconds: number;
}

/** A copy of the project that defects are put into. */
export interface Checkout extends AsyncDisposable {
  apply(patchFile: string): Promise<void>;
  takeBack(patchFile: string): Promise<void>;
  /** @param files test files, from the root of the project */
  test(files: readonly string[]): Promise<TestRun>;
}

/** What the copied tests import or read. */
const COPIED = [
  ...['shared', 'functions', 'statemachines', 'cli', 'local', 'bench', 'scripts', 'test', 'events', 'docs'],
  ...['registry', 'enforcement', 'README.md', 'package.json', 'tsconfig.json', 'jest.config.mjs'],
  ...readdirSync(ROOT).filter((name) => name.endsWith('.yaml')),
];

export async function checkOut(): Promise<Checkout> {
  const folder = await mkdtemp(join(tmpdir(), 'patchwave-mutants-'));
  await Promise.all(COPIED.map((name) => cp(join(ROOT, name), join(folder, name), { recursive: true })));
  // Some of them start the embedded cloud, or read the sources of the table of partitions.
  for (const name of ['node_modules', '.venv', '.venv-lint']) await symlink(join(ROOT, name), join(folder, name));
  return {
    apply: (file) => gitApply(folder, file),
    takeBack: (file) => gitApply(folder, '--reverse', file),
    test: (files) => runTests(folder, files),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Writes nothing. git checks each patch by itself. @throws Error with the first that does not apply to the project as it is now */
export const checkPatches = (patchFiles: readonly string[]): Promise<void> => gitApply(ROOT, '--check', ...patchFiles);

async function gitApply(folder: string, ...args: readonly string[]): Promise<void> {
  const { code, output } = await run('git', ['apply', '--whitespace=nowarn', ...args], folder);
  if (code !== 0) throw new Error(`git apply failed. Write the patch of the file that it names again.\n${output}`);
}

async function runTests(folder: string, files: readonly string[]): Promise<TestRun> {
  const summaryFile = join(folder, 'summary.json');
  await rm(summaryFile, { force: true });
  const startedAtMs = performance.now();
  const jest = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js'];
  const { output } = await run(
    NODE,
    [...jest, '--json', `--outputFile=${summaryFile}`, '--silent', '--runTestsByPath', ...files],
    folder,
  );
  const text = await readFile(summaryFile, 'utf8').catch(() => undefined);
  if (text === undefined) throw new Error(`jest wrote no summary.\n${output}`);
  const { testResults, numPassedTests } = JSON.parse(text) as JestSummary;
  const failed = testResults.flatMap(({ assertionResults }) =>
    assertionResults.filter(({ status }) => status === 'failed').map(({ fullName }) => fullName),
  );
  return {
    failed,
    passed: numPassedTests,
    notLoaded: testResults
      .filter(({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0)
      .map(({ name, message }) => `${name}: ${message}`),
    seconds: (performance.now() - startedAtMs) / 1000,
  };
}

interface JestSummary {
  readonly numPassedTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}

function run(command: string, args: readonly string[], cwd: string): Promise<{ code: number; output: string }> {
  return new Promise((resolve, reject) => {
    let output = '';
    const keep = (chunk: Buffer): void => {
      output += chunk.toString();
    };
    // A folder below a repository would otherwise be taken for a part of it.
    const child = spawn(command, args, { cwd, env: { ...process.env, GIT_CEILING_DIRECTORIES: cwd } });
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? 1, output }));
  });
}
