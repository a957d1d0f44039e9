// A lock for one process at a time. It is a folder: creating one succeeds or fails atomically on every system.
// Plain JavaScript without dependencies: it runs before any package is installed.
import { mkdirSync, readdirSync, rmdirSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const POLL_MS = 200;
/** A process signs the folder right after creating it; an unsigned one of this age belongs to a dead process. */
const LONGEST_UNSIGNED_MS = 10_000;

/**
 * Runs a task while no other process runs one under the same folder; waits for its turn. The lock of a dead
 * process does not count.
 * @template Result
 * @param {string} folder is made and removed again
 * @param {() => Result} task synchronous
 * @param {(owner: string) => void} onWait called once, before the first wait, with the process id that holds the lock
 * @returns {Result}
 */
export function withLock(folder, task, onWait) {
  const signature = join(folder, String(process.pid));
  let isReported = false;
  while (!isTaken(folder, signature)) {
    const owner = ownerOf(folder);
    if (owner === undefined ? isOld(folder) : !isAlive(owner)) discard(folder, owner);
    else {
      if (!isReported && owner !== undefined) onWait(owner);
      isReported ||= owner !== undefined;
      pause();
    }
  }
  try {
    return task();
  } finally {
    discard(folder, String(process.pid));
  }
}

function isTaken(folder, signature) {
  return does(() => {
    mkdirSync(folder);
    writeFileSync(signature, '');
  });
}

function ownerOf(folder) {
  try {
    return readdirSync(folder)[0];
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function isOld(folder) {
  const { mtimeMs } = statSync(folder, { throwIfNoEntry: false }) ?? {};
  return mtimeMs !== undefined && Date.now() - mtimeMs > LONGEST_UNSIGNED_MS;
}

function isAlive(pid) {
  try {
    process.kill(Number(pid), 0);
    return true;
  } catch (error) {
    return error.code !== 'ESRCH';
  }
}

/** Removes the owner's own signature, then the empty folder: a process that signed meanwhile keeps both. */
function discard(folder, owner) {
  if (owner === undefined || does(() => unlinkSync(join(folder, owner)))) does(() => rmdirSync(folder));
}

/** True if the change was made; `false` if another process was first. */
function does(change) {
  try {
    change();
    return true;
  } catch (error) {
    if (['EEXIST', 'ENOENT', 'ENOTEMPTY'].includes(error.code)) return false;
    throw error;
  }
}

const pause = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, POLL_MS);
