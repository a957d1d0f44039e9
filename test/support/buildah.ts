/** Images that buildah builds for real, without a daemon, in a storage of their own. */

import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const MIRROR = 'http://deb.debian.org';
const OUTPUT_LIMIT_BYTES = 64 * 1024 * 1024;
const SHOWN_CHARACTERS = 4_000;

export interface Ended {
  readonly status: number;
  readonly stdout: string;
  /** What it wrote to either output. */
  readonly output: string;
}

/** Runs a program to its end, whatever its status. */
export function run(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  return new Promise<Ended>((resolve) => {
    const options = { encoding: 'utf8' as const, maxBuffer: OUTPUT_LIMIT_BYTES, env: { ...process.env, ...env } };
    const child = execFile(program, args, options, (error, stdout, stderr) => {
      resolve({ status: error ? (child.exitCode ?? -1) : 0, stdout, output: `${stdout}${stderr}` });
    });
  });
}

/** Runs a program and gives its standard output; throws with the end of all that it wrote if the program fails. */
export async function succeed(program: string, args: readonly string[], env?: Readonly<Record<string, string>>) {
  const { status, stdout, output } = await run(program, args, env);
  if (status === 0) return stdout.trim();
  throw new Error(`${program} ${args.join(' ')} ended with ${status}: ${output.slice(-SHOWN_CHARACTERS)}`);
}

export interface BuildahBuild {
  /** Below the context. */
  readonly dockerfile: string;
  readonly context: string;
  /** The image in FROM, without its tag, and its tag; a local one is not pulled. */
  readonly parent: { readonly name: string; readonly tag: string };
  readonly name: string;
  readonly args?: readonly string[];
}

/** buildah with its images in a folder. */
export class Buildah {
  readonly #folder: string;
  readonly #env: Readonly<Record<string, string>>;

  constructor(folder: string, env: Readonly<Record<string, string>> = {}) {
    this.#folder = folder;
    this.#env = env;
  }

  /** Runs a command of buildah and gives its standard output. */
  run(...args: readonly string[]): Promise<string> {
    return succeed('buildah', this.#with(args), this.#env);
  }

  /** Builds an image without a cache, whether it succeeds or not. */
  tryToBuild({ dockerfile, context, parent, name, args = [] }: BuildahBuild): Promise<Ended> {
    const pull = parent.name.startsWith('localhost/') ? '--pull-never' : '--pull-always';
    const flags = ['bud', '--isolation', 'chroot', '--format', 'docker', '--no-cache', pull, ...args];
    const from = ['--build-arg', `BASE=${parent.name}`, '--build-arg', `BASE_TAG=${parent.tag}`];
    const paths = ['--file', join(context, dockerfile), '--tag', `localhost/${name}:latest`, context];
    return run('buildah', this.#with([...flags, ...from, ...paths]), this.#env);
  }

  async build(build: BuildahBuild): Promise<void> {
    const { status, output } = await this.tryToBuild(build);
    if (status !== 0) throw new Error(`the build of ${build.name} failed: ${output.slice(-SHOWN_CHARACTERS)}`);
  }

  /** Makes the image `localhost/NAME` of a root folder. */
  async importRoot(root: string, name: string): Promise<void> {
    const archive = join(this.#folder, `${name}.tar`);
    await succeed('tar', ['-C', root, '-cf', archive, '.']);
    const container = await this.run('from', 'scratch');
    await this.run('add', '--quiet', container, archive, '/');
    await this.run('commit', '--quiet', '--rm', container, `localhost/${name}:latest`);
  }

  #with(args: readonly string[]): readonly string[] {
    const storage = ['--root', join(this.#folder, 'root'), '--runroot', join(this.#folder, 'run')];
    return ['--storage-driver', 'vfs', ...storage, ...args];
  }
}

/** Makes the root folder of what the image of Debian has, from its package archive. */
export async function debianRoot(root: string): Promise<void> {
  mkdirSync(root, { recursive: true });
  await succeed('debootstrap', ['--variant=minbase', 'trixie', root, `${MIRROR}/debian`]);
  // The image of the distribution names these suites, too.
  writeFileSync(
    join(root, 'etc/apt/sources.list'),
    `deb ${MIRROR}/debian trixie main
deb ${MIRROR}/debian trixie-updates main
deb ${MIRROR}/debian-security trixie-security main
`,
  );
}
