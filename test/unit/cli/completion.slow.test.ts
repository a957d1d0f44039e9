import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const MAIN = join(import.meta.dirname, '../../../cli/main.ts');

const hasShell = (shell: string): boolean => spawnSync(shell, ['-c', 'true']).status === 0;

/** Prints each candidate for the last word of $LINE. */
const COMPLETES: Readonly<Record<'bash' | 'zsh' | 'fish', string>> = {
  bash: `patchwave() { "$NODE" "$MAIN" "$@"; }
compopt() { :; }
. /dev/stdin <<<"$SCRIPT"
COMP_WORDBREAKS=\${COMP_WORDBREAKS//=}
read -r -a COMP_WORDS <<<"$LINE"
[[ $LINE == *' ' ]] && COMP_WORDS+=("")
COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
__patchwave_complete
printf '%s\\n' "\${COMPREPLY[@]}"`,
  // As zsh calls it: the words as they were typed, and the last one in PREFIX.
  zsh: `patchwave() { "$NODE" "$MAIN" "$@" }
compdef() { :; }
source <(print -r -- "$SCRIPT")
_describe() { print -rl -- "\${(@)whole%%:*}" "\${(@)folders%%:*}"; }
words=("\${(@s: :)LINE}"); CURRENT=\${#words}; PREFIX=$words[-1]
_patchwave`,
  fish: `function patchwave; $NODE $MAIN $argv; end
printf "%s" $SCRIPT | source
complete -C "$LINE" | string replace --regex '\\t.*' ''`,
};

describe.each(Object.entries(COMPLETES))('in %s', (shell, program) => {
  const testIn = hasShell(shell) ? test : test.skip;

  const folder = mkdtempSync(join(tmpdir(), 'patchwave-completion-'));
  const home = mkdtempSync(join(tmpdir(), 'patchwave-home-'));
  let script = '';
  beforeAll(() => {
    script = spawnSync(process.execPath, [MAIN, 'completion', shell], { encoding: 'utf8' }).stdout;
    writeFileSync(join(folder, 'my-policy.yaml'), '');
    mkdirSync(join(folder, 'sub'));
    writeFileSync(join(folder, 'sub/p.yaml'), '');
  });
  afterAll(() => {
    for (const one of [folder, home]) rmSync(one, { recursive: true });
  });

  testIn.each([
    ['patchwave status --exit', ['--exit-code']],
    ['patchwave help wat', ['watch']],
    ['patchwave policy apply sub/', ['sub/p.yaml']],
    ['patchwave plan --policy ', ['my-policy.yaml', 'sub/']],
    ['patchwave plan --policy=', ['--policy=my-policy.yaml', '--policy=sub/']],
    ['patchwave pause --reason=', []],
    ['patchwave pause --x$(>run)=', []],
    ['patchwave why (>run)', []],
  ])('`%s` becomes %j', (line, expected) => {
    const { stdout, stderr } = spawnSync(shell, [...(shell === 'zsh' ? ['-f'] : []), '-c', program], {
      ...{ cwd: folder, encoding: 'utf8' },
      env: { ...process.env, HOME: home, NODE: process.execPath, MAIN, LINE: line, SCRIPT: script, LC_ALL: 'C.UTF-8' },
    });
    expect({
      stderr,
      words: stdout
        .split('\n')
        .filter((word) => word !== '')
        .sort(),
    }).toEqual({ stderr: '', words: expected });
    expect(readdirSync(folder)).not.toContain('run');
  });
});

(hasShell('zsh') ? test : test.skip)('zsh completes in a shell that has not loaded its completion', () => {
  const home = mkdtempSync(join(tmpdir(), 'patchwave-home-'));
  const { stdout: script } = spawnSync(process.execPath, [MAIN, 'completion', 'zsh'], { encoding: 'utf8' });
  const program = 'source <(print -r -- "$SCRIPT"); print -r -- $_comps[patchwave]';
  const { stdout, stderr } = spawnSync('zsh', ['-f', '-c', program], {
    ...{ encoding: 'utf8', env: { ...process.env, HOME: home, ZDOTDIR: home, SCRIPT: script } },
  });
  rmSync(home, { recursive: true });
  expect([stdout, stderr]).toEqual(['_patchwave\n', '']);
});
