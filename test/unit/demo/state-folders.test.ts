import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nameOwner, newStateFolder, removeStaleFolders } from '../../../local/state-folders.ts';

let parent: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'state-folders-'));
});
afterEach(() => rmSync(parent, { recursive: true }));

async function folderOf(pid: number): Promise<string> {
  const folder = await newStateFolder(parent);
  await nameOwner(folder, pid);
  mkdirSync(join(folder, 'tmp'));
  writeFileSync(join(folder, 'cloud.log'), 'log');
  return folder;
}

/** The id of a process that has ended. */
async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'exit');
  return child.pid ?? 0;
}

test('the folder of a cloud that was killed is removed at the next start, and that of one that runs stays', async () => {
  const [dead, alive] = [await folderOf(await deadPid()), await folderOf(process.pid)];
  expect(await removeStaleFolders(parent)).toEqual([dead]);
  expect([existsSync(dead), existsSync(alive)]).toEqual([false, true]);
  expect(await removeStaleFolders(parent)).toEqual([]);
});

test('a folder without an owner is left alone while it may be being made', async () => {
  const folder = await newStateFolder(parent);
  expect(await removeStaleFolders(parent)).toEqual([]);
  const longAgo = new Date(Date.now() - 2 * 3_600_000);
  utimesSync(folder, longAgo, longAgo);
  expect(await removeStaleFolders(parent)).toEqual([folder]);
});

test('nothing else is touched: other names, files, and links to elsewhere', async () => {
  const elsewhere = join(parent, 'elsewhere');
  mkdirSync(elsewhere);
  await nameOwner(elsewhere, await deadPid());
  symlinkSync(elsewhere, join(parent, 'patchwave-cloud-link'));
  writeFileSync(join(parent, 'patchwave-cloud-file'), '');
  expect(await removeStaleFolders(parent)).toEqual([]);
  expect(existsSync(elsewhere)).toBe(true);
});

test('where there is no such place there is nothing to remove', async () => {
  expect(await removeStaleFolders(join(parent, 'none'))).toEqual([]);
});
