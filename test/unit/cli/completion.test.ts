import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const MAIN = join(import.meta.dirname, '../../../cli/main.ts');

test('a file whose name is code for a shell is neither run nor offered when bash completes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'patchwave-completion-'));
  try {
    const hostile = [
      '$(touch run)',
      '`touch run`',
      'a;touch run',
      '--yes',
      'two\nlines',
      'a b',
      "it's",
      '$HOME',
      'a\\b',
    ];
    for (const name of [...hostile, 'my-policy.yaml', 'über.yaml']) writeFileSync(join(folder, name), '');
    const completed = spawnSync(
      'bash',
      [
        '-c',
        `patchwave() { "$NODE" "$MAIN" "$@"; }
compopt() { :; }
. /dev/stdin <<<"$(patchwave completion bash)"
COMP_WORDS=(patchwave policy validate ""); COMP_CWORD=3
__patchwave_complete
printf '%s\\n' "\${COMPREPLY[@]}"`,
      ],
      { cwd: folder, encoding: 'utf8', env: { ...process.env, NODE: process.execPath, MAIN, LC_ALL: 'C.UTF-8' } },
    );
    expect(completed.stdout.trim().split('\n').sort()).toEqual(['my-policy.yaml', 'über.yaml']);
    expect(readdirSync(folder)).not.toContain('run');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
