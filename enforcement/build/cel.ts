/*
 * Parts of expressions in the Common Expression Language, for the API server and for tools that read the same language.
 * https://kubernetes.io/docs/reference/using-api/cel/
 */

/** A text as a literal: printable ASCII only, so that no policy can end it. */
export const celText = (text: string): string =>
  `'${text.replace(/[^ !#-&(-[\]-~]/g, (unit) =>
    unit === '\\' || unit === "'" || unit === '"'
      ? `\\${unit}`
      : `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )}'`;

export const celList = (texts: readonly string[]): string => `[${texts.map(celText).join(', ')}]`;

/** A text for RE2, and for the regular expressions of JavaScript and Python, that matches itself. */
export const escapedPattern = (text: string): string => text.replace(/[$()*+.?[\\\]^{|}]/g, '\\$&');

/** The pattern of the whole texts that a glob matches. */
export const patternOfGlob = (glob: string): string => glob.split('*').map(escapedPattern).join('.*');

/**
 * Whether a text matches one of the globs, as `matchesAnyGlob` decides it.
 * @param subject an expression of type string
 */
export const celMatchesAny = (subject: string, globs: readonly string[]): string =>
  anyOf(subject, globs, patternOfGlob, (glob) => glob.indexOf('*') === glob.length - 1);

/** Whether a host and path match one of the patterns, as `matchesAnyName` decides it. */
export const celMatchesAnyName = (subject: string, patterns: readonly string[]): string =>
  anyOf(subject, patterns, patternOfName, (pattern) => pattern.indexOf('*') === pattern.length - 1 && isPath(pattern));

const isPath = (pattern: string): boolean => pattern.includes('/') || pattern === '*';

/** The pattern of the whole names that a pattern of the policy matches: in the host a star matches no slash. */
function patternOfName(pattern: string): string {
  const slash = pattern.indexOf('/');
  if (slash < 0) return patternOfGlob(pattern);
  return pattern.slice(0, slash).split('*').map(escapedPattern).join('[^/]*') + patternOfGlob(pattern.slice(slash));
}

/** A beginning is compared as text: regular expressions of many registries would cost more than the API server allows. */
function anyOf(
  subject: string,
  globs: readonly string[],
  toPattern: (glob: string) => string,
  isBeginning: (glob: string) => boolean,
): string {
  const sorted = [...new Set(globs)].sort();
  if (sorted.includes('*')) return 'true';
  const exact = sorted.filter((glob) => !glob.includes('*'));
  const begins = sorted.filter((glob) => glob.includes('*') && isBeginning(glob)).map((glob) => glob.slice(0, -1));
  const others = sorted.filter((glob) => glob.includes('*') && !isBeginning(glob));
  const parts = [
    ...(exact.length > 0 ? [`${subject} in ${celList(exact)}`] : []),
    ...(begins.length > 0 ? [`${celList(begins)}.exists(start, ${subject}.startsWith(start))`] : []),
    ...others.map((glob) => `${subject}.matches(${celText(`^${toPattern(glob)}$`)})`),
  ];
  if (parts.length === 0) return 'false';
  return parts.length === 1 ? parts.join('') : `(${parts.join(' || ')})`;
}
