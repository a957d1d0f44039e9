import { spawnSync } from 'node:child_process';
import { existsSync, openSync } from 'node:fs';

/** A device of Linux whose every write fails as on a full disk. */
const FULL = '/dev/full';
const onLinux = existsSync(FULL) ? test : test.skip;

onLinux.each([
  ['cli/main.ts', ['help']],
  ['cli/main.ts', ['completion', 'bash']],
  ['cli/lineage/lineage.ts', ['--help']],
  ['enforcement/build/main.ts', ['--help']],
] as const)('%s %j says that its answer is not whole, and fails', (file, words) => {
  const { status, stderr } = spawnSync(process.execPath, [file, ...words], {
    ...{ encoding: 'utf8', stdio: ['ignore', openSync(FULL, 'w'), 'pipe'] },
  });
  expect(stderr).toBe('patchwave: The answer cannot be written whole: ENOSPC: no space left on device, write.\n');
  expect(status).toBe(1);
});
