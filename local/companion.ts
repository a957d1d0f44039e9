/** Processes of this repository that work for an embedded cloud and end with it. */

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const STOP_LIMIT_MS = 10_000;

/** A process of its own. */
export interface Companion {
  /** Waits until it has ended, to be called once its cloud has; `false` where it had to be killed. */
  ended(): Promise<boolean>;
}

export interface AnsweringCompanion extends Companion {
  /** The first line that it prints. */
  readonly firstLine: string;
}

/**
 * Starts `node MAIN ARGUMENTS`. A process of its own, because it goes on working when this one ends and the cloud stays
 * up; it ends by itself as soon as the cloud is gone.
 */
export function startCompanion(main: string, args: readonly string[]): Companion {
  const { child, exited } = started(main, args, 'ignore');
  child.unref();
  return { ended: () => ended(child, exited) };
}

/**
 * Starts a companion and waits for the line that it prints when it is ready.
 * @throws Error if it ends before
 */
export async function startAnsweringCompanion(main: string, args: readonly string[]): Promise<AnsweringCompanion> {
  const { child, exited } = started(main, args, 'pipe');
  let complaint = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    complaint += chunk;
  });
  const firstLine = await new Promise<string>((resolve, reject) => {
    if (child.stdout) createInterface({ input: child.stdout }).once('line', resolve);
    void exited.then(() => reject(new Error(`${main} ended before it was ready: ${complaint.trim()}`)));
  });
  // A pipe that is being read keeps this process up as the child itself would.
  child.stdout?.destroy();
  child.stderr?.destroy();
  child.unref();
  return { firstLine, ended: () => ended(child, exited) };
}

function started(main: string, args: readonly string[], output: 'ignore' | 'pipe') {
  const child = spawn(process.execPath, [main, ...args], {
    stdio: ['ignore', output, output],
    // A group of its own: a Ctrl-C in the terminal ends the cloud in order, and with it the companion.
    detached: process.platform !== 'win32',
    windowsHide: true,
  });
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  return { child, exited };
}

async function ended(child: ReturnType<typeof spawn>, exited: Promise<void>): Promise<boolean> {
  child.ref();
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
  await exited;
  clearTimeout(timer);
  return child.signalCode === null;
}
