/** Builds the real kube-apiserver, etcd, gator and containerd of `test/kubernetes` once, into the user's cache folder. */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { ROOT } from './setup.mjs';

/** Programs that are built from one `go.mod`, by the name of the file. */
interface GoModule {
  readonly folder: string;
  /** Before the version in the name of the cache folder. */
  readonly name: string;
  readonly programs: Readonly<Record<string, string>>;
}
const SERVERS: GoModule = {
  folder: join(ROOT, 'test', 'kubernetes', 'server'),
  name: 'kubernetes',
  programs: { etcd: 'go.etcd.io/etcd/server/v3', 'kube-apiserver': 'k8s.io/kubernetes/cmd/kube-apiserver' },
};
const GATOR: GoModule = {
  folder: join(ROOT, 'test', 'kubernetes', 'gator'),
  name: 'gator',
  programs: { gator: 'github.com/open-policy-agent/gatekeeper/v3/cmd/gator' },
};
const CONTAINERD: GoModule = {
  folder: join(ROOT, 'test', 'kubernetes', 'containerd'),
  name: 'containerd',
  programs: { 'started-image': 'patchwave.example/containerd' },
};
/** Where Go is, if not in the PATH: its own default. */
const GO = ['go', '/usr/local/go/bin/go'];

export interface KubernetesPrograms {
  readonly etcd: string;
  readonly apiServer: string;
  /** Evaluates constraints of Gatekeeper. */
  readonly gator: string;
}

/** The servers could not be built; the message has the end of the output of Go. */
export class KubernetesBuildError extends Error {
  override readonly name = 'KubernetesBuildError';
}

/**
 * The paths of the programs. The first call builds them: 6 minutes on a machine at rest. The caches of Go grow by 5 GB.
 * @returns `undefined` if neither the programs nor Go are on this machine
 * @throws KubernetesBuildError
 */
export async function kubernetesPrograms(
  say: (text: string) => void = () => {},
): Promise<KubernetesPrograms | undefined> {
  const [servers, tools] = [await builtFrom(SERVERS, say), await builtFrom(GATOR, say)];
  const startedImage = await startedImageProgram(say);
  if (servers === undefined || tools === undefined || startedImage === undefined) return undefined;
  return { etcd: join(servers, 'etcd'), apiServer: join(servers, 'kube-apiserver'), gator: join(tools, 'gator') };
}

/** The program that says which image of an index containerd starts, as from `kubernetesPrograms`; built in half a minute. */
export async function startedImageProgram(say: (text: string) => void = () => {}): Promise<string | undefined> {
  const folder = await builtFrom(CONTAINERD, say);
  return folder && join(folder, 'started-image');
}

/** The folder with the programs of a module; `undefined` if neither they nor Go are on this machine. */
async function builtFrom(module: GoModule, say: (text: string) => void): Promise<string | undefined> {
  const names = Object.keys(module.programs);
  const folder = join(cacheFolder(), 'patchwave', `${module.name}-${await versionOf(module.folder)}`);
  if (names.every((name) => existsSync(join(folder, name)))) return folder;
  const go = GO.find((name) => spawnSync(name, ['version']).status === 0);
  if (go === undefined) return undefined;
  say(`building ${names.join(' and ')} into ${folder} (some minutes, once)\n`);
  await buildInto(folder, go, module);
  return folder;
}

/** Another run may build at the same time: the folder appears whole. */
async function buildInto(folder: string, go: string, module: GoModule): Promise<void> {
  await mkdir(dirname(folder), { recursive: true });
  const parts = await mkdtemp(`${folder}-`);
  try {
    for (const [name, path] of Object.entries(module.programs)) {
      const flags = ['-mod=readonly', '-buildvcs=false', '-trimpath', '-ldflags=-s -w'];
      await run(go, module.folder, ['build', ...flags, '-o', join(parts, name), path]);
    }
    await rename(parts, folder).catch((error: unknown) => {
      if (!existsSync(folder)) throw error;
    });
  } finally {
    await rm(parts, { recursive: true, force: true });
  }
}

function run(go: string, cwd: string, args: readonly string[]): Promise<void> {
  const child = spawn(go, args, { cwd, stdio: ['ignore', 'ignore', 'pipe'] });
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => {
      if (code === 0) return resolve();
      const end = output.trim().split('\n').slice(-15).join('\n');
      reject(new KubernetesBuildError(`go ${args.join(' ')} ended with code ${code}:\n${end}`));
    });
  });
}

async function versionOf(module: string): Promise<string> {
  const hash = createHash('sha256');
  for (const file of (await readdir(module)).sort()) hash.update(await readFile(join(module, file)));
  return hash.update(`${process.platform} ${process.arch}`).digest('hex').slice(0, 12);
}

/** Of the person, for what takes minutes to build. */
export function cacheFolder(): string {
  if (process.env.XDG_CACHE_HOME) return process.env.XDG_CACHE_HOME;
  if (process.platform === 'win32' && process.env.LOCALAPPDATA) return process.env.LOCALAPPDATA;
  return join(homedir(), process.platform === 'darwin' ? 'Library/Caches' : '.cache');
}
