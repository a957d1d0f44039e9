/** Builds cfn-guard, which checks CloudFormation templates, once into the user's cache folder. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cacheFolder } from './kubernetes.ts';

const VERSION = '3.2.1';

/**
 * The path of the program. The first call builds it with Rust: 2 minutes on a machine at rest.
 * @returns `undefined` if neither the program nor Rust is on this machine
 * @throws Error with the end of the output of cargo
 */
export function cfnGuard(): string | undefined {
  const folder = join(cacheFolder(), 'patchwave', `cfn-guard-${VERSION}-${process.platform}-${process.arch}`);
  const program = join(folder, 'bin', process.platform === 'win32' ? 'cfn-guard.exe' : 'cfn-guard');
  if (existsSync(program)) return program;
  if (spawnSync('cargo', ['--version']).status !== 0) return undefined;
  mkdirSync(dirname(folder), { recursive: true });
  // Another run may build at the same time: the folder appears whole.
  const parts = mkdtempSync(`${folder}-`);
  try {
    const args = ['install', 'cfn-guard', '--version', VERSION, '--locked', '--root', parts];
    const { status, stderr } = spawnSync('cargo', args, { encoding: 'utf8', maxBuffer: 1 << 26 });
    if (status !== 0) throw new Error(`cargo ${args.join(' ')} ended with code ${status}:\n${stderr.slice(-2000)}`);
    try {
      renameSync(parts, folder);
    } catch (error) {
      if (!existsSync(program)) throw error;
    }
  } finally {
    rmSync(parts, { recursive: true, force: true });
  }
  return program;
}
