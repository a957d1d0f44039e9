/** State folders of embedded clouds. One that is killed cannot remove its own, so the next one that starts does. */

import { lstat, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PREFIX = 'patchwave-cloud-';
/** The id of the process that writes to the folder. */
const OWNER = 'owner.pid';
/** A folder without an owner is being made, or its maker died before it could name one. */
const WITHOUT_OWNER_KEPT_MS = 60 * 60_000;

export const newStateFolder = (parent = tmpdir()): Promise<string> => mkdtemp(join(parent, PREFIX));

/** Names the process that ends with the folder. */
export const nameOwner = (folder: string, pid: number): Promise<void> => writeFile(join(folder, OWNER), String(pid));

/**
 * Removes the folders of clouds that are dead. The number of a dead process may be given to another one: its folder then
 * stays until that has ended, too. What cannot be read or removed stays.
 * @returns what was removed
 */
export async function removeStaleFolders(parent = tmpdir(), nowEpochMs = Date.now()): Promise<readonly string[]> {
  const names = await readdir(parent).catch(() => []);
  const removed: string[] = [];
  for (const name of names.filter((one) => one.startsWith(PREFIX)).sort()) {
    const folder = join(parent, name);
    try {
      if (!(await isStale(folder, nowEpochMs))) continue;
      await rm(folder, { recursive: true, force: true });
      removed.push(folder);
    } catch {
      // Somebody else's, or being removed by another start at this moment.
    }
  }
  return removed;
}

async function isStale(folder: string, nowEpochMs: number): Promise<boolean> {
  const found = await lstat(folder);
  if (!found.isDirectory()) return false;
  const pid = Number(await readFile(join(folder, OWNER), 'utf8').catch(() => ''));
  if (!Number.isSafeInteger(pid) || pid <= 0) return nowEpochMs - found.mtimeMs > WITHOUT_OWNER_KEPT_MS;
  return !isAlive(pid);
}

/** A process that belongs to somebody else lives, too. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
