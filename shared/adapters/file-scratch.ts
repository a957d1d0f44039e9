import { appendFile, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../ports/clock.ts';
import type { Scratch, ScratchFolder } from '../ports/scratch.ts';

/** About 2 MB of usages. */
const MOST_HELD = 2500;

const PREFIX = 'patchwave-scratch-';

/** An invocation lasts 15 minutes at most (https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html). */
const LEFT_AFTER_MS = 3_600_000;

/**
 * Files in the temporary folder, one JSON value a line. A Lambda function has 512 MB there, without a charge, and the
 * next invocation finds what one that died left behind
 * (https://docs.aws.amazon.com/lambda/latest/dg/configuration-ephemeral-storage.html).
 */
export class FileScratch implements Scratch {
  readonly mostHeld = MOST_HELD;
  readonly #folder: string;
  readonly #clock: Clock;

  constructor(folder = tmpdir(), clock: Clock = Date.now) {
    this.#folder = folder;
    this.#clock = clock;
  }

  async open(): Promise<ScratchFolder> {
    await this.#removeLeft();
    return new FileFolder(await mkdtemp(join(this.#folder, PREFIX)));
  }

  /** Removes the folders of invocations that died, so that they never fill the storage. */
  async #removeLeft(): Promise<void> {
    for (const name of await readdir(this.#folder)) {
      if (!name.startsWith(PREFIX)) continue;
      const path = join(this.#folder, name);
      // Another process on the same machine may remove its own folder meanwhile.
      const changed = await stat(path).catch(() => undefined);
      if (changed && changed.mtimeMs < this.#clock() - LEFT_AFTER_MS) await rm(path, { recursive: true, force: true });
    }
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
  }
}
