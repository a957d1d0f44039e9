/** Starts the builder of a cloud's pipelines beside it. */

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));
const STOP_LIMIT_MS = 10_000;

/** A builder in a process of its own. */
export interface Builder {
  /** Waits until it has ended, to be called once its cloud has; `false` where it had to be killed. */
  ended(): Promise<boolean>;
}

/**
 * Starts a builder for the cloud at an endpoint. A process of its own, because it goes on working when this one ends and
 * the cloud stays up; it ends by itself as soon as the cloud is gone.
 */
export function startBuilder(endpoint: string): Builder {
  const child = spawn(process.execPath, [MAIN, endpoint], {
    stdio: 'ignore',
    // A group of its own: a Ctrl-C in the terminal ends the cloud in order, and with it the builder.
    detached: process.platform !== 'win32',
    windowsHide: true,
  });
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  child.unref();
  return {
    ended: async () => {
      child.ref();
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
      await exited;
      clearTimeout(timer);
      return child.signalCode === null;
    },
  };
}
