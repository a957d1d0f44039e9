import { randomUUID } from 'node:crypto';
import { lstat, open, rename, rm, writeFile } from 'node:fs/promises';
import { UsageError } from '../errors.ts';

/** A file to write. */
export interface NewFile {
  readonly path: string;
  readonly content: string;
}

/** A file under way, with names beside its own. */
interface Staged extends NewFile {
  /** Has the new content. */
  readonly draft: string;
  /** Has what the file had before, until all files are written. */
  readonly kept: string;
}

/** The settings have the external id. */
const OWNER_ONLY = 0o600;

/**
 * Writes all files or none: each is written beside its place first, and gets its name when all are complete. Only the
 * owner may read them.
 * @param replaces whether files that exist are replaced; otherwise one that exists is an error
 * @throws UsageError naming the file that cannot be written
 */
export async function writeFiles(files: readonly NewFile[], replaces: boolean): Promise<void> {
  const staged = files.map((file): Staged => {
    const beside = `${file.path}.${randomUUID()}`;
    return { ...file, draft: `${beside}.new`, kept: `${beside}.old` };
  });
  const undo: (() => Promise<void>)[] = [];
  try {
    for (const { path, draft, content } of staged) {
      undo.push(() => rm(draft, { force: true }));
      await named(path, stage(draft, content));
    }
    for (const { path, draft, kept } of staged) {
      if (!replaces) await named(path, writeFile(path, '', { flag: 'wx', mode: OWNER_ONLY }));
      else if (await named(path, isThere(path))) {
        await named(path, rename(path, kept));
        undo.push(() => rename(kept, path));
      }
      undo.push(() => rm(path, { force: true }));
      await named(path, rename(draft, path));
    }
  } catch (error) {
    for (const step of undo.reverse()) await step();
    throw error;
  }
  for (const { kept } of staged) await rm(kept, { force: true });
}

async function stage(draft: string, content: string): Promise<void> {
  await using handle = await open(draft, 'wx', OWNER_ONLY);
  await handle.writeFile(content);
  await handle.sync();
}

/** @throws UsageError for a folder or a device, which is not replaced */
async function isThere(path: string): Promise<boolean> {
  const found = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (found && !found.isFile())
    throw new UsageError(`${path} cannot be written: it exists, and is no plain file. Nothing was written.`);
  return found !== undefined;
}

const PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: 'its folder does not exist',
  ENOTDIR: 'its folder is no folder',
  EEXIST: 'it exists',
  EACCES: 'you may not write there',
  EPERM: 'you may not write there',
  EROFS: 'the disk is read-only',
  ENOSPC: 'the disk is full',
};

async function named<Value>(path: string, work: Promise<Value>): Promise<Value> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const { code = String(error) } = error as NodeJS.ErrnoException;
    throw new UsageError(`${path} cannot be written: ${PROBLEMS[code] ?? code}. Nothing was written.`, {
      cause: error,
    });
  }
}
