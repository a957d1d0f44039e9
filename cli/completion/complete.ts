import { readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type Complete, RootCommand } from '@bomb.sh/tab';
import type { Command } from '../command.ts';
import { COMMON_OPTIONS } from '../help.ts';

type Commands = Readonly<Record<string, Command>>;

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/**
 * Prints what may follow some words of a command line, one candidate a line, for the script of a shell. Of a last word
 * `--option=text` it completes the text alone.
 */
export function complete(commands: Commands, typed: readonly string[]): void {
  const words = withoutEquals(typed);
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

function withoutEquals(words: readonly string[]): readonly string[] {
  const [, option, value] = /^(--[^=]+)=(.*)$/s.exec(words.at(-1) ?? '') ?? [];
  return option === undefined || value === undefined ? words : [...words.slice(0, -1), option, value];
}

/** The first words that a command accepts: `validate FILE | apply FILE [--yes] | show`, `bash|zsh|fish`. */
const actionsOf = ({ synopsis }: Command): readonly string[] =>
  synopsis.split('|').flatMap((part) => /^[a-z]+/.exec(part.trim())?.[0] ?? []);

/** Only the person knows the value. */
const noValue = (): void => undefined;

/** What no shell takes for anything but a word: bash puts it on the command line without quotes. */
const PLAIN = /^[\p{L}\p{N}_./][\p{L}\p{N}_.,+@%=/-]*$/u;

/** Files and folders that begin as the last word does, without those that a person would have to quote. */
const files =
  (words: readonly string[]) =>
  (found: Complete): void => {
    const value = words.at(-1) ?? '';
    const folder = value.endsWith('/') ? value : dirname(value);
    const begin = value.endsWith('/') ? '' : basename(value);
    for (const entry of entriesOf(folder)) {
      if (!entry.name.startsWith(begin)) continue;
      const path = folder === '.' && !value.startsWith('.') ? entry.name : join(folder, entry.name);
      if (PLAIN.test(path)) found(`${path}${entry.isDirectory() ? '/' : ''}`, '');
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

/*
 * The library's own scripts for bash and zsh run what is typed: they pass the words to `eval`. Those for zsh and fish also
 * complete no value after `=`. These scripts pass and offer words as text.
 */

/** It uses the package bash-completion, but works without it. */
const BASH = `# bash completion for patchwave

__patchwave_complete() {
    local cur prev words cword line option typed
    if declare -F _get_comp_words_by_ref >/dev/null; then
        _get_comp_words_by_ref -n "=:" cur prev words cword
    else
        words=("\${COMP_WORDS[@]:0:COMP_CWORD+1}")
        cword=$COMP_CWORD
        # Readline gives --option=value as three words, and --option= as two.
        if [[ $cword -gt 2 && \${words[cword-1]} == "=" && \${words[cword]} != "=" ]]; then
            words[cword-1]="=\${words[cword]}"
            cword=$((cword - 1))
        fi
        if [[ $cword -gt 1 && \${words[cword]} == "="* && \${words[cword-1]} == --* ]]; then
            words[cword-1]+=\${words[cword]}
            cword=$((cword - 1))
        fi
        cur=\${words[cword]}
    fi
    option=""
    if [[ $cur == --*=* ]]; then
        option=\${cur%%=*}=
    fi
    # Readline replaces only what follows the last "=".
    typed=""
    if [[ $cur == *=* && $COMP_WORDBREAKS == *=* ]]; then
        typed=\${cur%=*}=
    fi
    COMPREPLY=()
    while IFS= read -r line; do
        line=\${line%%$'\\t'*}
        if [[ -n $line && $line != :* && $option$line == "$cur"* ]]; then
            line=$option$line
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

/** Also a file of `fpath`. `(Q)` removes quotes, and expands nothing. */
const ZSH = `#compdef patchwave

_patchwave() {
    local line word option=
    local -a typed whole folders
    typed=("\${(@Q)words[2,CURRENT-1]}" "\${(Q)PREFIX}")
    [[ $PREFIX == --*=* ]] && option=\${PREFIX%%=*}=
    while IFS= read -r line; do
        [[ -z $line || $line == :* ]] && continue
        word=$option\${line%%$'\\t'*}
        line=\${word//:/\\\\:}:\${line#*$'\\t'}
        if [[ $word == */ ]]; then
            folders+=("$line")
        else
            whole+=("$line")
        fi
    done < <(patchwave complete -- "\${typed[@]}" 2>/dev/null)
    # A folder goes on with the names in it.
    _describe patchwave whole -- folders -S ''
}

if [[ \${funcstack[1]} == _patchwave ]]; then
    _patchwave "$@"
else
    # A shell that does not load its completion has no compdef.
    (( $+functions[compdef] )) || { autoload -Uz compinit && compinit -i; }
    compdef _patchwave patchwave
fi
`;

const FISH = `# fish completion for patchwave

function __patchwave_complete
    set -l before (commandline -opc)
    set -l word (commandline -ct)
    set -l option (string match --regex -- '^--[^=]+=' "$word")
    patchwave complete -- $before[2..-1] "$word" 2>/dev/null | string match --invert --regex '^(:|$)' |
        string replace --regex -- '^' "$option"
end

complete --command patchwave --erase
complete --command patchwave --no-files --arguments '(__patchwave_complete)'
`;

const SCRIPTS: Readonly<Record<Shell, string>> = { bash: BASH, zsh: ZSH, fish: FISH };

/** Prints the script that a shell reads once, and that then runs `patchwave complete`. */
export const printScript = (shell: Shell): void => {
  process.stdout.write(SCRIPTS[shell]);
};
