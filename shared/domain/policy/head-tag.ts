/**
 * Head tag patterns are regular expressions by policy authors, tried on tags chosen by any pusher. Node's engine
 * backtracks, so the two slow constructs are refused: unbounded repetition inside a repetition, and many repetitions in
 * a row. The others take microseconds on a tag of 128 characters.
 */
const MAX_REPETITIONS = 4;

/** The problem of a head tag pattern; `undefined` if it is valid. */
export function headTagProblem(pattern: string): string | undefined {
  if (!pattern.startsWith('^') || !pattern.endsWith('$') || pattern.endsWith('\\$'))
    return 'a head tag pattern must be anchored: ^...$';
  try {
    new RegExp(pattern, 'u');
  } catch {
    return 'must be a regular expression';
  }
  if (/(?<!\\)(?:\\\\)*\\(?:[1-9]|k<)/.test(pattern)) return 'a head tag pattern must not have back-references';
  return repetitionProblem(tokens(pattern));
}

type Token = '(' | ')' | '|' | 'repeat' | 'optional' | 'atom';

/** A pattern that is known to be a regular expression, with character classes and escapes taken as one atom each. */
function tokens(pattern: string): Token[] {
  const found: Token[] = [];
  const scanner =
    /\\(?:[pPu]\{[^}]*\}|.)|\[(?:\\.|[^\]\\])*\]|\(\?(?:[:=!]|<[=!]|<\w+>)|[*+]\??|\{\d+,?\d*\}\??|\?\??|[\s\S]/gu;
  for (const [text] of pattern.matchAll(scanner)) found.push(tokenOf(text));
  return found;
}

function tokenOf(text: string): Token {
  if (text.startsWith('(')) return '(';
  if (text === ')' || text === '|') return text;
  if (/^(?:[*+]|\{\d)/.test(text)) return 'repeat';
  return text.startsWith('?') ? 'optional' : 'atom';
}

function repetitionProblem(parts: readonly Token[]): string | undefined {
  let repetitions = 0;
  const groups: { variable: boolean }[] = [];
  let closed: { variable: boolean } | undefined;
  for (const part of parts) {
    if (part === 'repeat' && closed?.variable === true)
      return 'a head tag pattern must not repeat a group whose content varies in length';
    if (part === '|' && groups.length === 0)
      return 'a head tag pattern must have alternatives in a group, such as ^(a|b)$: otherwise each anchor applies to one of them only';
    if (part === 'repeat') repetitions += 1;
    const varies =
      part === 'repeat' || part === 'optional' || part === '|' || (part === ')' && groups.at(-1)?.variable);
    closed = part === ')' ? groups.pop() : undefined;
    const around = groups.at(-1);
    if (around && varies) around.variable = true;
    if (part === '(') groups.push({ variable: false });
  }
  if (repetitions > MAX_REPETITIONS) return `a head tag pattern may have at most ${MAX_REPETITIONS} repetitions`;
  return undefined;
}

const compiled = new Map<string, RegExp>();
const MAX_COMPILED = 10_000;

/** Whether a tag is a head tag by a pattern of the policy. */
export function matchesHeadTag(pattern: string, tag: string): boolean {
  const known = compiled.get(pattern);
  if (known) return known.test(tag);
  if (compiled.size >= MAX_COMPILED) compiled.clear();
  const expression = new RegExp(pattern, 'u');
  compiled.set(pattern, expression);
  return expression.test(tag);
}

/** The suffix of the tag that a pipeline pushes instead of the moving tag if the rule sets `promotes`. */
export const CANDIDATE = '-candidate';
