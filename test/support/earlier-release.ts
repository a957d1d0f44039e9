/** Earlier releases of Patchwave, built from the history of this repository, for tests of upgrades. */

import { execFile, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Cloud } from '../../local/cloud.ts';
import type { StackDeployment } from '../../local/deploy.ts';
import type { Fleet } from '../../local/fleet/schema.ts';
import { NODE, ROOT } from '../../scripts/setup.mjs';
import type { DoorPlace } from '../../shared/domain/policy/doors.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';

/** The last commit whose functions write the ledger of a release. */
const COMMITS = { '0.2.0': '85a1b81c36' } as const;
export type EarlierRelease = keyof typeof COMMITS;

const run = promisify(execFile);

/** A release could not be made from the history; the message says what to do. */
export class EarlierReleaseError extends Error {
  override readonly name = 'EarlierReleaseError';
}

/** Whether the history of this clone has a release; a shallow clone may lack it. */
export const hasRelease = (version: EarlierRelease): boolean =>
  spawnSync('git', ['-C', ROOT, 'cat-file', '-e', `${COMMITS[version]}^{commit}`]).status === 0;

/**
 * The folder with the sources and the bundles of a release. The first call makes it.
 * @throws EarlierReleaseError
 */
export async function earlierRelease(version: EarlierRelease): Promise<string> {
  const folder = join(ROOT, '.work', 'releases', COMMITS[version]);
  if (existsSync(join(folder, 'dist'))) return folder;
  const parts = `${folder}-${process.pid}`;
  await rm(parts, { recursive: true, force: true });
  await mkdir(parts, { recursive: true });
  const archive = `${parts}.tar`;
  await run('git', ['-C', ROOT, 'archive', `--output=${archive}`, COMMITS[version]]).catch((cause: Error) => {
    const next = 'Fetch the whole history (git fetch --unshallow), then run the test again.';
    throw new EarlierReleaseError(`git has no commit of release ${version}: ${cause.message.trim()}. ${next}`, {
      cause,
    });
  });
  await run('tar', ['-xf', archive, '-C', parts]);
  await rm(archive);
  for (const installed of ['node_modules', '.venv']) await symlink(join(ROOT, installed), join(parts, installed));
  await run(NODE, [join(parts, 'scripts', 'build.ts'), '--json'], { cwd: parts, maxBuffer: 1 << 26 });
  await rename(parts, folder).catch((cause: Error) => {
    if (!existsSync(folder)) throw cause;
  });
  return folder;
}

export interface InstallRequest {
  readonly fleet: Fleet;
  readonly policy: Policy;
  /** Of template.yaml. */
  readonly parameters: Readonly<Record<string, string>>;
  /** Where the doors of the release are installed. */
  readonly doors: readonly DoorPlace[];
}

export interface InstalledRelease {
  readonly deployment: StackDeployment;
  /** Puts a policy in force as the release does. */
  apply(policy: Policy): Promise<void>;
  /** Ends the process that installed it. */
  end(): void;
}

/**
 * Installs a release into an embedded cloud with its own templates, bundles and tools: the stacks of hub and members, a
 * policy, and doors.
 * @throws EarlierReleaseError
 */
export async function installRelease(
  version: EarlierRelease,
  { endpoint }: Pick<Cloud, 'endpoint'>,
  request: InstallRequest,
): Promise<InstalledRelease> {
  const script = fileURLToPath(new URL('install-release.ts', import.meta.url));
  const child = spawn(NODE, [script, await earlierRelease(version), endpoint]);
  let complaint = '';
  child.stderr.on('data', (text) => {
    complaint += text;
  });
  const replies = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ask = async (line: unknown): Promise<unknown> => {
    child.stdin.write(`${JSON.stringify(line)}\n`);
    const { value, done } = await replies.next();
    if (done) throw new EarlierReleaseError(`The tools of release ${version} failed:\n${complaint}`);
    return JSON.parse(value);
  };
  return {
    deployment: (await ask(request)) as StackDeployment,
    apply: async (policy) => {
      await ask(policy);
    },
    end: () => child.stdin.end(),
  };
}
