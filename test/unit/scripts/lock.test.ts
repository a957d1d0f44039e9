import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withLock } from '../../../scripts/lock.mjs';

const LOCK = new URL('../../../scripts/lock.mjs', import.meta.url);
let folder = '';
let lock = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lock-'));
  lock = join(folder, 'lock');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const nobodyWaits = (owner: string): never => {
  throw new Error(`waited for ${owner}`);
};

const deadProcess = (): number => spawnSync(process.execPath, ['-e', '']).pid;

test('the task runs once the folder is taken, and its result comes back', () => {
  expect(withLock(lock, () => existsSync(join(lock, String(process.pid))), nobodyWaits)).toBe(true);
  expect(existsSync(lock)).toBe(false);
});

test('a failed task releases the lock', () => {
  const failing = () => {
    throw new Error('no network');
  };
  expect(() => withLock(lock, failing, nobodyWaits)).toThrow('no network');
  expect(existsSync(lock)).toBe(false);
});

test.each([
  ['of a dead process', () => writeFileSync(join(lock, String(deadProcess())), '')],
  ['that was not signed for long', () => utimesSync(lock, 1, 1)],
])('a lock %s blocks no other process', (_, leave) => {
  mkdirSync(lock);
  leave();
  expect(withLock(lock, () => 'done', nobodyWaits)).toBe('done');
  expect(existsSync(lock)).toBe(false);
});

test('processes that start together: one holds the lock at a time, also after an abandoned lock', async () => {
  mkdirSync(lock);
  writeFileSync(join(lock, String(deadProcess())), '');
  const log = join(folder, 'log');
  const program = `
    import { appendFileSync } from 'node:fs';
    import { withLock } from ${JSON.stringify(LOCK.href)};
    const tell = (what) => appendFileSync(${JSON.stringify(log)}, process.pid + ' ' + what + '\\n');
    const inside = () => { tell('in'); Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20); tell('out'); };
    withLock(${JSON.stringify(lock)}, inside, (owner) => tell('waits for ' + owner));
  `;
  const run = () =>
    new Promise((resolve) => {
      spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'inherit' }).on('exit', resolve);
    });

  expect(await Promise.all(Array.from({ length: 5 }, run))).toEqual([0, 0, 0, 0, 0]);

  const lines = readFileSync(log, 'utf8').trim().split('\n');
  const moves = lines.filter((line) => !line.includes('waits')).map((line) => line.split(' '));
  expect(moves.map(([, what]) => what)).toEqual(Array.from({ length: 5 }, () => ['in', 'out']).flat());
  expect(moves.filter((_, at) => at % 2 === 0).map(([pid]) => pid)).toEqual(
    moves.filter((_, at) => at % 2 === 1).map(([pid]) => pid),
  );
  expect(existsSync(lock)).toBe(false);
}, 30_000);
