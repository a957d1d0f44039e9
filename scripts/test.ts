/**
 * `npm test [-- JEST ARGUMENTS]`: builds the bundles that the integration tests deploy, runs jest, and prints
 * `N passed, N failed` alone on the last line. Exit code 1 when anything failed, or when nothing ran.
 * `--tier=slow` and `--tier=chaos` run the files `*.slow.test.ts` and `*.chaos.test.ts`, which a plain run leaves out.
 * `--tier=kubernetes` runs the files `*.kubernetes.test.ts` on a real API server, which it builds the first time. Where Go
 * is missing it prints `skipped: no Go` and `0 passed, 0 failed, N skipped`, N test files, and the exit code is 0.
 * `--tier=registry` runs the files `*.registry.test.ts`, which build images with buildah (those of registry/, and those of
 * the loop in the embedded cloud) and import images with skopeo. For each file that the machine cannot run it prints
 * `skipped:` with what is missing, and counts in the same way.
 * `--watch` runs the tests that need no cloud again whenever a file that they reach changes, until you quit.
 */
import { spawn, spawnSync } from 'node:child_process';
import { glob, mkdtemp, readFile, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildFunctions } from './bundle.ts';
import { kubernetesPrograms } from './kubernetes.ts';
import { NODE, ROOT } from './setup.mjs';

const TIERS: Readonly<Record<string, readonly string[]>> = {
  fast: ['**/test/**/*.test.ts', '!**/*.{slow,chaos,kubernetes,registry}.test.ts'],
  slow: ['**/test/**/*.slow.test.ts'],
  chaos: ['**/test/**/*.chaos.test.ts'],
  kubernetes: ['**/test/**/*.kubernetes.test.ts'],
  registry: ['**/test/**/*.registry.test.ts'],
};

/** Tests that need neither bundles nor a cloud. */
const WATCHED = [
  '**/test/{unit,template,statemachines}/**/*.test.ts',
  '**/test/contract/**/*.fake.test.ts',
  '!**/*.{slow,chaos,cloud}.test.ts',
  '!**/template/deployment.test.ts',
];

const TWO_OR_MORE = Math.max(2, availableParallelism() - 1);

/**
 * Many fast tests and each bad day wait for their cloud more than they compute, so a second one finds time on a core that
 * jest would leave free. The others load a machine by themselves.
 */
const WORKERS: Readonly<Record<string, number>> = {
  fast: TWO_OR_MORE,
  chaos: TWO_OR_MORE,
  kubernetes: 1,
  registry: 1,
};

/** Outside of the fast tier a test waits for a cloud, a real server or a process, on a machine that may be busy. */
const MOST_MS = 60_000;

interface Counts {
  readonly passed: number;
  readonly failed: number;
  /** Test files that this machine cannot run. */
  readonly skipped?: number;
}

/** Jest's summary. A file that could not run counts as one failure, and so does a missing summary. */
async function readCounts(summaryFile: string, exitCode: number): Promise<Counts> {
  const text = await readFile(summaryFile, 'utf8').catch(() => undefined);
  if (text === undefined) return { passed: 0, failed: 1 };
  const { numPassedTests, numFailedTests, numRuntimeErrorTestSuites } = JSON.parse(text);
  const failed = numFailedTests + numRuntimeErrorTestSuites;
  return { passed: numPassedTests, failed: failed === 0 && exitCode !== 0 ? 1 : failed };
}

/**
 * Of jest and of its workers. What a test file loads outlives a young heap of 16 MiB, Node's default, and is then copied
 * into the old one: with 64 MiB the fast tier needs an eighth less time of the processor.
 */
const NODE_OPTIONS = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', '--max-semi-space-size=64'];

const isQuiet = (args: readonly string[]): boolean => !args.some((arg) => /^--(coverage|watch)/.test(arg));

function runJest(args: readonly string[]): Promise<number> {
  const child = spawn(
    NODE,
    [...NODE_OPTIONS, 'node_modules/jest/bin/jest.js', ...args],
    // With --json jest reports to standard error. Standard output has only the path of the summary and the coverage.
    { cwd: ROOT, stdio: ['inherit', isQuiet(args) ? 'ignore' : 'inherit', 'inherit'] },
  );
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

async function main(args: readonly string[]): Promise<Counts> {
  const tier = args.find((arg) => arg.startsWith('--tier='))?.slice('--tier='.length) ?? 'fast';
  const testMatch = TIERS[tier];
  if (!testMatch) {
    process.stderr.write(`Unknown tier "${tier}". Use one of ${Object.keys(TIERS).join(', ')}.\n`);
    return { passed: 0, failed: 1 };
  }
  const left: string[] = [];
  if (tier === 'kubernetes') {
    if ((await kubernetesPrograms((text) => process.stderr.write(text))) === undefined)
      return await skipped(tier, 'no Go');
  } else if (tier === 'registry') {
    const files = await testFiles(tier);
    for (const file of files) {
      const missing = /import[a-z-]*\.registry\.test\.ts$/.test(file) ? missingForImports(file) : missingForImages();
      if (missing === undefined) continue;
      process.stdout.write(`skipped: ${file}: ${missing}\n`);
      left.push(`!**/${file}`);
    }
    if (left.length === files.length) return { passed: 0, failed: 0, skipped: left.length };
  }
  if (tier !== 'kubernetes') await buildFunctions();
  const folder = await mkdtemp(join(tmpdir(), 'patchwave-test-'));
  try {
    const summaryFile = join(folder, 'summary.json');
    const others = args.filter((arg) => !arg.startsWith('--tier='));
    const exitCode = await runJest([
      ...[...testMatch, ...left].map((glob) => `--testMatch=${glob}`),
      ...(WORKERS[tier] === undefined ? [] : [`--maxWorkers=${WORKERS[tier]}`]),
      ...(tier === 'fast' ? [] : [`--testTimeout=${MOST_MS}`]),
      '--json',
      `--outputFile=${summaryFile}`,
      ...others,
    ]);
    const counts = await readCounts(summaryFile, exitCode);
    return left.length > 0 ? { ...counts, skipped: left.length } : counts;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function skipped(tier: 'kubernetes', why: string): Promise<Counts> {
  process.stdout.write(`skipped: ${why}\n`);
  const files = await testFiles(tier);
  return { passed: 0, failed: 0, skipped: files.length };
}

const testFiles = (tier: string): Promise<string[]> =>
  Array.fromAsync(glob(`test/**/*.${tier}.test.ts`, { cwd: ROOT }));

/** What this machine lacks to build an image without a daemon. */
function missingForImages(): string | undefined {
  const missing = missingOf('buildah', 'debootstrap', 'dpkg-deb');
  return missing ?? (process.getuid?.() === 0 ? undefined : 'not root, which debootstrap needs');
}

/** What this machine lacks to import images, and for their whole pipeline also to run its build specification. */
function missingForImports(file: string): string | undefined {
  const missing = missingOf('bash', 'jq', 'skopeo');
  if (missing !== undefined || !file.includes('import-pipeline')) return missing;
  // Older ones call AWS, whatever AWS_ENDPOINT_URL says.
  const [, major, minor] = /^aws-cli\/(\d+)\.(\d+)/.exec(versionOf('aws') ?? '') ?? [];
  if (minor === undefined || Number(minor) < (major === '1' ? 29 : 13)) return 'no AWS CLI of version 1.29 or 2.13';
  // The one of Debian; the other program of this name writes YAML.
  return /^yq \d/.test(versionOf('yq') ?? '') ? undefined : 'no yq for jq';
}

function missingOf(...programs: readonly string[]): string | undefined {
  const program = programs.find((name) => versionOf(name) === undefined);
  return program === undefined ? undefined : `no ${program}`;
}

/** What a program says of its version, or `undefined` if it is not there. */
function versionOf(program: string): string | undefined {
  const { status, stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' });
  return status === 0 ? stdout : undefined;
}

// A Ctrl-C reaches jest too; this process waits for it to clean up.
process.on('SIGINT', () => undefined);

const args = process.argv.slice(2);
if (args.includes('--watch')) {
  process.exitCode = await runJest([...WATCHED.map((glob) => `--testMatch=${glob}`), ...args]);
} else {
  const counts: Counts = await main(args).catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return { passed: 0, failed: 1 };
  });
  const { passed, failed, skipped = 0 } = counts;
  process.stdout.write(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`);
  process.exitCode = failed > 0 || (passed === 0 && skipped === 0) ? 1 : 0;
}
