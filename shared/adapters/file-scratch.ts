import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Scratch, ScratchFolder } from '../ports/scratch.ts';

/** About 2 MB of usages. */
const MOST_HELD = 2500;

/**
 * Files in the temporary folder, one JSON value a line. A Lambda function has 512 MB there, without a charge
 * (https://docs.aws.amazon.com/lambda/latest/dg/configuration-ephemeral-storage.html).
 */
export class FileScratch implements Scratch {
  readonly mostHeld: number;

  constructor(mostHeld = MOST_HELD) {
    this.mostHeld = mostHeld;
  }

  async open(): Promise<ScratchFolder> {
    return new FileFolder(await mkdtemp(join(tmpdir(), 'patchwave-')));
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
