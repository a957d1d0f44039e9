// Installs what a machine with Node.js >= 20, npm and Python >= 3.10 needs before a command can run.
// Plain JavaScript without dependencies: it runs before any package is installed.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withLock } from './lock.mjs';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));
const WINDOWS = process.platform === 'win32';
const PYTHONS = ['python3', 'python3.13', 'python3.12', 'python3.11', 'python3.10', 'python'];

class SetupError extends Error {
  name = 'SetupError';
}

const hashOf = (file) => createHash('sha256').update(readFileSync(file)).digest('hex');

function isCurrent(stamp, hash) {
  try {
    return readFileSync(stamp, 'utf8') === hash;
  } catch {
    return false;
  }
}

/** Commands that start together set up once: two installations into one folder would break each other. */
function onceAtATime(stamp, hash, install) {
  if (isCurrent(stamp, hash)) return;
  const lock = join(ROOT, '.setup-lock');
  const wait = (owner) => say(`waiting for the set-up that process ${owner} runs (${lock})`);
  withLock(lock, () => isCurrent(stamp, hash) || install(), wait);
}

const say = (text) => process.stderr.write(`set-up: ${text}\n`);

/** Runs a set-up step; shows its output only if it fails. */
function run(command, args, nextStep) {
  const { status, error, stdout, stderr } = spawnSync(command, args, { cwd: ROOT, encoding: 'utf8', shell: WINDOWS });
  if (status === 0) return stdout;
  throw new SetupError(`${command} ${args.join(' ')} failed: ${error?.message ?? `${stdout}${stderr}`}\n${nextStep}`);
}

/** npm packages exactly as locked, Node.js 24 among them. */
export function installNodePackages() {
  const lock = join(ROOT, 'package-lock.json');
  const stamp = join(ROOT, 'node_modules', '.patchwave-stamp');
  const hash = hashOf(lock);
  onceAtATime(stamp, hash, () => {
    say('installing the npm packages');
    run(
      'npm',
      ['ci', '--no-audit', '--no-fund', '--loglevel=error'],
      'Check that npm can reach its registry, then run the command again.',
    );
    writeFileSync(stamp, hash);
  });
}

function findPython() {
  const wanted = 'import sys; sys.exit(0 if sys.version_info >= (3, 10) else 1)';
  const found = PYTHONS.find((name) => spawnSync(name, ['-c', wanted]).status === 0);
  if (!found) throw new SetupError('The PATH has no Python >= 3.10. Install it, then run the command again.');
  return found;
}

/**
 * A virtual environment with exactly the packages of requirements/<name>.txt, each checked by its hash.
 * @param {'cloud' | 'lint' | 'checkov' | 'custodian'} name
 */
export function installPythonPackages(name) {
  const requirements = join(ROOT, 'requirements', `${name}.txt`);
  const home = venv(name);
  const stamp = join(home, '.patchwave-stamp');
  const hash = hashOf(requirements);
  onceAtATime(stamp, hash, () => {
    createEnvironment(name, home, requirements);
    writeFileSync(stamp, hash);
  });
}

function createEnvironment(name, home, requirements) {
  say(`installing the Python packages of requirements/${name}.txt`);
  rmSync(home, { recursive: true, force: true });
  run(findPython(), ['-m', 'venv', home], 'On Debian and Ubuntu the module venv is in the package python3-venv.');
  run(
    inVenv(name, 'python'),
    [
      '-m',
      'pip',
      'install',
      '--quiet',
      '--disable-pip-version-check',
      '--require-hashes',
      '--no-deps',
      '--only-binary=:all:',
      '-r',
      requirements,
    ],
    'Check that pip can reach its index, then run the command again.',
  );
}

const venv = (name) => join(ROOT, name === 'cloud' ? '.venv' : `.venv-${name}`);

/** The path of a program of one of our virtual environments. */
export const inVenv = (name, program) => join(venv(name), WINDOWS ? 'Scripts' : 'bin', program);

/** The Node.js that the functions run on in AWS, from the npm package `node`. */
export const NODE = join(ROOT, 'node_modules', 'node', 'bin', WINDOWS ? 'node.exe' : 'node');
