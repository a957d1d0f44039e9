import { UnknownValueError } from './dockerfile-error.ts';

/* Words of an instruction, by the rules of BuildKit's shell lexer (frontend/dockerfile/shell/lex.go). */

export type EscapeToken = '\\' | '`';

const DEFAULT_ESCAPE: EscapeToken = '\\';

/**
 * The words of a line as they are written, with quotes and escapes; `undefined` if a quote is not closed. Blanks after
 * `<<` belong to the word, because they may stand before the delimiter of a heredoc.
 */
export function rawWords(line: string, escapeToken: EscapeToken = DEFAULT_ESCAPE): readonly string[] | undefined {
  const words: string[] = [];
  let word = '';
  let before = '';
  for (let at = 0; at < line.length; ) {
    const piece = pieceAt(line, at, escapeToken);
    if (piece === undefined) return undefined;
    at += piece.length;
    const heredoc = before === '<' && piece === '<' ? matchAt(/-?[ \t]*/y, line, at) : '';
    at += heredoc.length;
    before = piece;
    if (!/^\s$/.test(piece)) word += piece + heredoc;
    else if (word !== '') {
      words.push(word);
      word = '';
    }
  }
  return word === '' ? words : [...words, word];
}

/** One character, or a whole quoted text, escape or variable. */
function pieceAt(line: string, at: number, escapeToken: EscapeToken): string | undefined {
  const letter = line[at] ?? '';
  if (letter === escapeToken) return line.slice(at, at + 2);
  if (letter === "'" || letter === '"') return quotedAt(line, at, letter, escapeToken);
  if (line.startsWith('${', at)) return variableAt(line, at, escapeToken);
  return letter;
}

function quotedAt(line: string, at: number, quote: string, escapeToken: EscapeToken): string | undefined {
  for (let end = at + 1; end < line.length; end += 1) {
    if (line[end] === quote) return line.slice(at, end + 1);
    if (quote === '"' && line[end] === escapeToken) end += 1;
  }
  return undefined;
}

function variableAt(line: string, at: number, escapeToken: EscapeToken): string | undefined {
  let depth = 0;
  for (let end = at; end < line.length; ) {
    const opens = line.startsWith('${', end);
    if (opens) depth += 1;
    if (line[end] === '}') depth -= 1;
    if (depth === 0) return line.slice(at, end + 1);
    const piece = opens ? '${' : pieceAt(line, end, escapeToken);
    if (piece === undefined) return undefined;
    end += piece.length;
  }
  return undefined;
}

/** A word without its quotes and escapes; variables stay as they are. */
export const unquoted = (word: string, escapeToken: EscapeToken = DEFAULT_ESCAPE): string =>
  evaluated(word, escapeToken, (variable) => variable);

/** Variables by name; one with the value `undefined` is declared without a default. */
export type Variables = ReadonlyMap<string, string | undefined>;

/** What a build sets by its platforms. https://docs.docker.com/reference/dockerfile/#automatic-platform-args-in-the-global-scope */
const PLATFORM_VARIABLE = /^(?:TARGET|BUILD)(?:PLATFORM|OS|OSVERSION|ARCH|VARIANT|STAGE)$/;

/**
 * The value of a word in a build without `--build-arg`.
 * @throws UnknownValueError if it has none
 */
export function expanded(word: string, variables: Variables, escapeToken: EscapeToken): string {
  if (word.length > LONGEST_WORD) throw new UnknownValueError('it is too long to be a name');
  return evaluated(word, escapeToken, (variable) => variableValue(variable, variables, escapeToken));
}

/** No reference is nearly as long; it bounds how deep defaults are nested. */
const LONGEST_WORD = 4096;

const VARIABLE = /^\$(?:\{([A-Za-z_]\w*)(?:(:?[-+?])([\s\S]*)|([\s\S]+))?\}|([A-Za-z_]\w*))$/;

function variableValue(variable: string, variables: Variables, escapeToken: EscapeToken): string {
  const [, braced, modifier = '', word = '', other, plain] = VARIABLE.exec(variable) ?? [];
  const name = braced ?? plain;
  if (name === undefined || other !== undefined)
    throw new UnknownValueError(`${variable} is a form of variable that Patchwave does not evaluate`);
  if (PLATFORM_VARIABLE.test(name)) throw new UnknownValueError(`the platform of the build decides what ${name} is`);
  const value = variables.get(name);
  const isSet = value !== undefined && !(modifier.startsWith(':') && value === '');
  if (modifier.endsWith('-')) return isSet ? value : expanded(word, variables, escapeToken);
  if (modifier.endsWith('+')) return isSet ? expanded(word, variables, escapeToken) : '';
  if (isSet) return value;
  throw new UnknownValueError(
    variables.has(name)
      ? `the build decides what ${name} is: its ARG has no default`
      : `no ARG before the first FROM declares ${name}`,
  );
}

function evaluated(word: string, escapeToken: EscapeToken, ofVariable: (variable: string) => string): string {
  let text = '';
  for (let at = 0; at < word.length; ) {
    const piece = plainVariableAt(word, at) ?? pieceAt(word, at, escapeToken) ?? word.slice(at);
    at += piece.length;
    if (piece[0] === '$' && piece.length > 1) text += ofVariable(piece);
    else if (piece[0] === escapeToken) text += piece.slice(1);
    else if (piece[0] === "'") text += piece.slice(1, -1);
    else if (piece[0] === '"') text += insideQuotes(piece.slice(1, -1), escapeToken, ofVariable);
    else text += piece;
  }
  return text;
}

const plainVariableAt = (word: string, at: number): string | undefined =>
  matchAt(/\$[A-Za-z_]\w*/y, word, at) || undefined;

/** What a sticky expression matches at a position; a copy of the rest for each position would take quadratic time. */
function matchAt(expression: RegExp, text: string, at: number): string {
  expression.lastIndex = at;
  return expression.exec(text)?.[0] ?? '';
}

/** Double quotes keep single quotes and most escapes, and expand variables. */
function insideQuotes(text: string, escapeToken: EscapeToken, ofVariable: (variable: string) => string): string {
  let value = '';
  for (let at = 0; at < text.length; ) {
    const variable =
      plainVariableAt(text, at) ?? (text.startsWith('${', at) ? variableAt(text, at, escapeToken) : undefined);
    const isEscape = text[at] === escapeToken && ['"', '$', escapeToken].includes(text[at + 1] ?? '');
    if (variable !== undefined) value += ofVariable(variable);
    else value += isEscape ? (text[at + 1] ?? '') : (text[at] ?? '');
    at += variable?.length ?? (isEscape ? 2 : 1);
  }
  return value;
}
