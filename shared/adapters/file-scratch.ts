import { appendFile, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Scratch, ScratchFolder } from '../ports/scratch.ts';

/** About 2 MB of usages. */
const MOST_HELD = 2500;

const PREFIX = 'patchwave-scratch-';

/** Folders that this process has open. */
const open = new Set<string>();

/**
 * Files in the temporary folder, one JSON value a line. A Lambda function has 512 MB there, without a charge, and the
 * next invocation finds what one that died left behind
 * (https://docs.aws.amazon.com/lambda/latest/dg/configuration-ephemeral-storage.html).
 */
export class FileScratch implements Scratch {
  readonly mostHeld = MOST_HELD;
  readonly #folder: string;

  constructor(folder = tmpdir()) {
    this.#folder = folder;
  }

  async open(): Promise<ScratchFolder> {
    await this.#removeLeft();
    const path = await mkdtemp(join(this.#folder, `${PREFIX}${process.pid}-`));
    open.add(path);
    return new FileFolder(path);
  }

  /** Removes the folders of processes that died, so that they never fill the storage. */
  async #removeLeft(): Promise<void> {
    for (const name of await readdir(this.#folder)) {
      const [, pid] = new RegExp(`^${PREFIX}(\\d+)-`).exec(name) ?? [];
      if (pid === undefined) continue;
      const path = join(this.#folder, name);
      // A new process in the same environment may have the number of the one that died.
      const isInUse = Number(pid) === process.pid ? open.has(path) : isRunning(Number(pid));
      if (!isInUse) await rm(path, { recursive: true, force: true });
    }
  }
}

/** Signal 0 only asks whether the process exists. */
function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

class FileFolder implements ScratchFolder {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  async append(name: string, entries: readonly unknown[]): Promise<void> {
    if (entries.length === 0) return;
    await appendFile(join(this.#path, name), entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
  }

  async read(name: string): Promise<readonly unknown[]> {
    const text = await readFile(join(this.#path, name), 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '';
      throw error;
    });
    return text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as unknown);
  }

  async remove(): Promise<void> {
    await rm(this.#path, { recursive: true, force: true });
    open.delete(this.#path);
  }
}
