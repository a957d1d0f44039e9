/** Starts and stops the embedded cloud (`cloud/main.py`): a local AWS for the demo, the tests and the benchmarks. */

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join, resolve as resolvePath } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { CloudAdmin } from './cloud/admin-client.ts';
import { nameOwner, newStateFolder, removeStaleFolders } from './state-folders.ts';

const PROJECT = fileURLToPath(new URL('..', import.meta.url));
const WINDOWS = process.platform === 'win32';
const PYTHON = join(PROJECT, '.venv', WINDOWS ? 'Scripts/python.exe' : 'bin/python');
const NODE = join(PROJECT, 'node_modules', 'node', 'bin', WINDOWS ? 'node.exe' : 'node');
const START_LIMIT_MS = 30_000;
const STOP_LIMIT_MS = 10_000;

/** The embedded cloud did not start; the message holds the end of its log. */
export class CloudStartFailed extends Error {
  override readonly name = 'CloudStartFailed';
}

export interface CloudOptions {
  /** 12 digits. The account that Patchwave is deployed into. */
  readonly hubAccount: string;
  /** The only folder the cloud writes to. Left out: a temporary one, removed at the end. */
  readonly stateDir?: string;
  /** The file its log is appended to. Left out: `cloud.log` in the state folder. */
  readonly logTo?: string;
  /** 0 or left out: a free port. */
  readonly port?: number;
  /** The partition of AWS that it is; left out: `aws`. */
  readonly partition?: string;
  /** Names of restored behaviours to leave out (`cloud/restores/`). */
  readonly without?: readonly string[];
}

/** What an SDK client's constructor takes to act as the root of an account of the embedded cloud. */
export interface ClientConfig {
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

export interface Cloud {
  readonly endpoint: string;
  readonly hubAccount: string;
  readonly pid: number;
  /** Holds `cloud.log`, unless `logTo` names another file. */
  readonly stateDir: string;
  /** Temporary state folders of clouds that were killed, removed at this start. */
  readonly removed: readonly string[];
  /** The configuration of any SDK v3 client, as root of an account: `new ECSClient(cloud.clients(account, region))`. */
  clients(account: string, region: string): ClientConfig;
  /** The routes AWS has no call for: faults, call counts, the past of images. */
  readonly admin: CloudAdmin;
  /** Ends the process and waits for it; may be called again. Removes the state folder if it was a temporary one. */
  stop(): Promise<void>;
  /** Lets go of the cloud: it stays up when this process ends, until somebody sends SIGTERM to `pid`. */
  release(): void;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts an embedded cloud and waits until it takes requests (about 0.5 s).
 *
 * It ends with `stop()`, and by itself when this process ends in any way, SIGKILL included: it watches its standard
 * input, which only this process holds open. One that is itself ended by SIGKILL leaves its state folder, which the next
 * start removes.
 * @throws CloudStartFailed
 */
export async function startCloud(options: CloudOptions): Promise<Cloud> {
  const removed = options.stateDir === undefined ? await removeStaleFolders() : [];
  const stateDir = options.stateDir ?? (await newStateFolder());
  const child = spawn(PYTHON, argumentsOf(options, stateDir), {
    stdio: ['pipe', 'pipe', 'pipe'],
    // A group of its own: a Ctrl-C in the terminal reaches this process only, which then stops the cloud in order.
    detached: !WINDOWS,
    windowsHide: true,
  });
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  const stop = stopper(child, exited, options.stateDir === undefined ? stateDir : undefined);
  try {
    if (options.stateDir === undefined && child.pid !== undefined) await nameOwner(stateDir, child.pid);
    const { endpoint, pid } = await readiness(child, options.logTo ?? join(stateDir, 'cloud.log'));
    return {
      endpoint,
      pid,
      stateDir,
      removed,
      hubAccount: options.hubAccount,
      admin: new CloudAdmin(endpoint),
      clients: clientsAt(endpoint),
      stop,
      release: () => release(child),
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The configurations of SDK clients of the cloud at an endpoint, as root of an account. */
export function clientsAt(endpoint: string): Cloud['clients'] {
  return (account, region) => ({ endpoint, region, credentials: { accessKeyId: account, secretAccessKey: 'local' } });
}

function argumentsOf(options: CloudOptions, stateDir: string): string[] {
  const main = join(PROJECT, 'local', 'cloud', 'main.py');
  const flags = ['--state-dir', stateDir, '--hub-account', options.hubAccount, '--port', String(options.port ?? 0)];
  if (options.logTo !== undefined) flags.push('--log', resolvePath(options.logTo));
  if (existsSync(NODE)) flags.push('--node', NODE);
  if (options.stateDir === undefined) flags.push('--remove-state');
  if (options.partition !== undefined) flags.push('--partition', options.partition);
  for (const name of options.without ?? []) flags.push('--without', name);
  // -B: the project's folder stays as it was cloned.
  return ['-B', main, ...flags];
}

function readiness(child: ChildProcess, logFile: string): Promise<{ endpoint: string; pid: number }> {
  return new Promise((resolve, reject) => {
    let complaint = '';
    const fail = async (reason: string) => {
      const log = await readFile(logFile, 'utf8').catch(() => '');
      const text = `${complaint}\n${log}`.trim().split('\n').slice(-15).join('\n');
      reject(
        new CloudStartFailed(
          `The embedded cloud ${reason}. If .venv is missing, start the command through npm (as \`npm run demo\`), which creates it.\n${text}`,
        ),
      );
    };
    const timer = setTimeout(() => void fail(`was not ready after ${START_LIMIT_MS / 1000} s`), START_LIMIT_MS);
    child.stderr?.on('data', (chunk) => {
      complaint += chunk;
    });
    child.once('error', (error) => {
      clearTimeout(timer);
      void fail(`could not start (${error.message})`);
    });
    child.once('exit', (code) => {
      clearTimeout(timer);
      void fail(`ended with code ${code} before it was ready`);
    });
    if (child.stdout) {
      createInterface({ input: child.stdout }).once('line', (line) => {
        clearTimeout(timer);
        resolve(JSON.parse(line));
      });
    }
  });
}

function release(child: ChildProcess): void {
  child.stdin?.end('keep\n');
  child.unref();
  // A pipe that is being read keeps this process up as the child itself would.
  child.stdout?.destroy();
  child.stderr?.destroy();
}

function stopper(child: ChildProcess, exited: Promise<void>, temporaryDir: string | undefined): () => Promise<void> {
  let stopping: Promise<void> | undefined;
  const stopNow = async () => {
    child.stdin?.end();
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
    await exited;
    clearTimeout(timer);
    if (temporaryDir) await rm(temporaryDir, { recursive: true, force: true });
  };
  return () => {
    stopping ??= stopNow();
    return stopping;
  };
}
