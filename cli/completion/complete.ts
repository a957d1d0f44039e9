import { readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type Complete, RootCommand, script } from '@bomb.sh/tab';
import type { Command } from '../command.ts';
import { COMMON_OPTIONS } from '../help.ts';

type Commands = Readonly<Record<string, Command>>;

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** Prints what may follow some words of a command line, one candidate a line, for the script of a shell. */
export function complete(commands: Commands, words: readonly string[]): void {
  const root = new RootCommand();
  const help = root.command('help', 'Shows all commands, or the help of one.');
  help.argument('COMMAND', (found) => {
    for (const [name, { summary }] of Object.entries(commands)) found(name, summary);
  });
  for (const [name, command] of Object.entries(commands)) {
    const one = root.command(name, command.summary);
    for (const [option, text] of Object.entries({
      ...command.optionHelp,
      ...COMMON_OPTIONS,
      help: 'shows this help',
    })) {
      const [word = '', value] = option.split(' ');
      if (value === undefined) one.option(word, text);
      else one.option(word, text, value === 'FILE' ? files(words) : noValue);
    }
    const actions = actionsOf(command);
    if (actions.length > 0)
      one.argument('ACTION', (found) => {
        for (const action of actions) found(action, '');
      });
    if (/\b(FILE|DIR)\b/.test(command.synopsis.replaceAll(/--[\w-]+ [A-Z]+/g, ''))) one.argument('FILE', files(words));
  }
  root.parse([...words]);
}

/** The first words that a command accepts: `validate FILE | apply FILE [--yes] | show`, `bash|zsh|fish`. */
const actionsOf = ({ synopsis }: Command): readonly string[] =>
  synopsis.split('|').flatMap((part) => /^[a-z]+/.exec(part.trim())?.[0] ?? []);

/** Only the person knows the value. */
const noValue = (): void => undefined;

/** What no shell takes for anything but a word: the script of zsh puts it on the command line without quotes. */
const PLAIN = /^[\p{L}\p{N}_./][\p{L}\p{N}_.,+@%=/-]*$/u;

/** Files and folders that begin as the last word does, without those that a person would have to quote. */
const files =
  (words: readonly string[]) =>
  (found: Complete): void => {
    const word = words.at(-1) ?? '';
    const [option, value = ''] = word.startsWith('--') ? word.split('=') : [undefined, word];
    const folder = value.endsWith('/') ? value : dirname(value);
    const begin = value.endsWith('/') ? '' : basename(value);
    for (const entry of entriesOf(folder)) {
      if (!entry.name.startsWith(begin)) continue;
      const path = folder === '.' && !value.startsWith('.') ? entry.name : join(folder, entry.name);
      if (PLAIN.test(path))
        found(`${option === undefined ? '' : `${option}=`}${path}${entry.isDirectory() ? '/' : ''}`, '');
    }
  };

function entriesOf(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    // What cannot be read completes to nothing.
    return [];
  }
}

/**
 * The library's own script for bash runs what is typed: it passes the words to `eval`, and expands the candidates. This one
 * passes and offers them as text. It uses the package bash-completion, but works without it.
 */
const BASH = `# bash completion for patchwave

__patchwave_complete() {
    local cur prev words cword line typed
    if declare -F _get_comp_words_by_ref >/dev/null; then
        _get_comp_words_by_ref -n "=:" cur prev words cword
    else
        words=("\${COMP_WORDS[@]}")
        cword=$COMP_CWORD
        cur=\${words[cword]}
    fi
    # Readline replaces only what follows the last "=".
    typed=""
    if [[ $cur == *=* && $COMP_WORDBREAKS == *=* ]]; then
        typed=\${cur%=*}=
    fi
    COMPREPLY=()
    while IFS= read -r line; do
        line=\${line%%$'\\t'*}
        if [[ -n $line && $line != :* && $line == "$cur"* ]]; then
            COMPREPLY+=("\${line#"$typed"}")
        fi
    done < <(patchwave complete -- "\${words[@]:1:cword}" 2>/dev/null)
    # A folder goes on with the names in it.
    if [[ \${#COMPREPLY[@]} -eq 1 && \${COMPREPLY[0]} == */ ]]; then
        compopt -o nospace
    fi
}

complete -F __patchwave_complete patchwave
`;

/** Prints the script that a shell reads once, and that then runs `patchwave complete`. */
export function printScript(shell: Shell): void {
  if (shell === 'bash') process.stdout.write(BASH);
  else script(shell, 'patchwave', 'patchwave');
}
