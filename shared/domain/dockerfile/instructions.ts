import { DockerfileError } from './dockerfile-error.ts';
import { type EscapeToken, rawWords, unquoted } from './words.ts';

/* Instructions of a Dockerfile, by the rules of BuildKit's parser (frontend/dockerfile/parser/parser.go). */

export interface Instruction {
  /** Line of the file on which it begins; the first is 1. */
  readonly line: number;
  /** In upper case. */
  readonly keyword: string;
  /** What follows the keyword, on one line, without comments and heredocs. */
  readonly text: string;
}

export interface Dockerfile {
  readonly escapeToken: EscapeToken;
  readonly instructions: readonly Instruction[];
}

/** https://docs.docker.com/reference/dockerfile/#overview */
const KEYWORDS: ReadonlySet<string> = new Set([
  ...['ADD', 'ARG', 'CMD', 'COPY', 'ENTRYPOINT', 'ENV', 'EXPOSE', 'FROM', 'HEALTHCHECK', 'LABEL', 'MAINTAINER'],
  ...['ONBUILD', 'RUN', 'SHELL', 'STOPSIGNAL', 'USER', 'VOLUME', 'WORKDIR'],
]);

/** @throws DockerfileError */
export function readDockerfile(text: string): Dockerfile {
  const lines = text
    .replace(/^\ufeff/, '')
    .split('\n')
    .map((line) => withoutLast(line, '\r'));
  const escapeToken = readDirectives(lines);
  const instructions: Instruction[] = [];
  let at = 0;
  while (at < lines.length) {
    const logical = logicalLine(lines, at, escapeToken);
    const line = at + 1;
    at = logical.end;
    const [, word = '', rest = ''] = /^\s*(\S+)\s*([\s\S]*)$/.exec(logical.text) ?? [];
    if (word === '') continue;
    const keyword = word.toUpperCase();
    if (!KEYWORDS.has(keyword)) throw new DockerfileError(line, `"${word}" is no instruction`);
    at = afterHeredocs(lines, at, { line, keyword, text: rest });
    instructions.push({ line, keyword, text: rest.trimEnd() });
  }
  return { escapeToken, instructions };
}

const DIRECTIVE = /^#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*$/;
const DIRECTIVES: readonly string[] = ['syntax', 'escape', 'check'];

/** Front ends with the grammar of `docker/dockerfile`, also through a mirror. */
const FRONT_END = /(?:^|\/)docker\/dockerfile(?:-upstream)?(?:[:@]|$)/;

/** The escape character, from the directives: they stand before everything else, also before comments. */
function readDirectives(lines: readonly string[]): EscapeToken {
  const found = new Map<string, string>();
  // A build takes the front end from below a shebang, and the escape character only from the first line on.
  const first = lines[0]?.startsWith('#!') ? 1 : 0;
  for (const [at, line] of lines.entries()) {
    if (at < first) continue;
    const [, name = '', value = ''] = DIRECTIVE.exec(line.trimStart()) ?? [];
    const key = name.toLowerCase();
    if (!DIRECTIVES.includes(key)) break;
    if (found.has(key)) throw new DockerfileError(at + 1, `the directive ${key} is there twice`);
    if (key === 'escape' && value !== '\\' && value !== '`')
      throw new DockerfileError(at + 1, 'the escape character must be \\ or `');
    if (key === 'syntax' && !FRONT_END.test(value))
      throw new DockerfileError(at + 1, `it is written for the front end "${value}"`);
    found.set(key, value);
  }
  return first === 0 && found.get('escape') === '`' ? '`' : '\\';
}

/** Without the last characters of a kind; a regular expression would take quadratic time. */
function withoutLast(line: string, characters: string): string {
  let end = line.length;
  while (end > 0 && characters.includes(line[end - 1] ?? '')) end -= 1;
  return line.slice(0, end);
}

const isComment = (line: string): boolean => /^\s*#/.test(line);

/** A line with those that continue it. Between them comments and empty lines do not count. */
function logicalLine(lines: readonly string[], from: number, escapeToken: EscapeToken): { text: string; end: number } {
  const first = lines[from] ?? '';
  let { text, goesOn } = isComment(first) ? { text: '', goesOn: false } : continuationOf(first, escapeToken);
  let end = from + 1;
  while (goesOn && end < lines.length) {
    const line = lines[end] ?? '';
    end += 1;
    if (isComment(line) || line.trim() === '') continue;
    const next = continuationOf(line, escapeToken);
    text += next.text;
    goesOn = next.goesOn;
  }
  return { text, end };
}

/** An escape character at the end continues the line, unless another one escapes it. */
function continuationOf(line: string, escapeToken: EscapeToken): { text: string; goesOn: boolean } {
  const text = withoutLast(line, ' \t');
  const goesOn = text.endsWith(escapeToken) && text.at(-2) !== escapeToken;
  return goesOn ? { text: text.slice(0, -1), goesOn } : { text: line, goesOn };
}

const HEREDOC = /^\d*<<(-?)\s*([^<]+)$/;

/** The first line after the heredocs of an instruction. */
function afterHeredocs(lines: readonly string[], from: number, { line, keyword, text }: Instruction): number {
  const [, nested, inner = ''] = (keyword === 'ONBUILD' && /^(\S+)\s*([\s\S]*)$/.exec(text)) || [];
  const body = nested === undefined ? text : inner;
  if (!/^(?:ADD|COPY|RUN)$/i.test(nested ?? keyword) || isJson(body)) return from;
  let at = from;
  for (const word of rawWords(body) ?? []) {
    const [, dash, delimiter] = HEREDOC.exec(word) ?? [];
    if (delimiter === undefined) continue;
    if (rawWords(delimiter) === undefined) throw new DockerfileError(line, 'a quote of its heredoc is not closed');
    const end = unquoted(delimiter);
    const isEnd = (candidate: string) => (dash === '-' ? candidate.replace(/^\t+/, '') : candidate) === end;
    while (at < lines.length && !isEnd(lines[at] ?? '')) at += 1;
    if (at === lines.length) throw new DockerfileError(line, `its heredoc "${end}" has no end`);
    at += 1;
  }
  return at;
}

/** `["a", "b"]` after the flags: nothing in it is a heredoc. */
function isJson(text: string): boolean {
  try {
    const list: unknown = JSON.parse(text.replace(/^(?:--\S+\s+)*/, ''));
    return Array.isArray(list) && list.every((item) => typeof item === 'string');
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}
