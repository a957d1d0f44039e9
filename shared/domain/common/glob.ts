/**
 * Whether a whole text matches a pattern in which `*` stands for any run of characters, also none.
 * Pieces are searched from left to right and never given back, so the time is linear for every pattern.
 */
export function matchesGlob(pattern: string, text: string): boolean {
  const [head = '', ...rest] = pattern.split('*');
  const tail = rest.pop();
  if (tail === undefined) return text === pattern;
  if (text.length < head.length + tail.length || !text.startsWith(head) || !text.endsWith(tail)) return false;
  const end = text.length - tail.length;
  let at = head.length;
  for (const piece of rest) {
    const found = text.indexOf(piece, at);
    if (found < 0 || found + piece.length > end) return false;
    at = found + piece.length;
  }
  return true;
}

/**
 * Whether some text matches both of two patterns (`matchesGlob`). Each pair of positions is looked at once, so it takes at most
 * the product of their lengths.
 */
export function globsOverlap(one: string, other: string): boolean {
  const [star, otherStar] = [one.indexOf('*'), other.indexOf('*')];
  if (star < 0 && otherStar < 0) return one === other;
  // Most patterns of a policy begin or end with different text.
  const start = Math.min(star < 0 ? one.length : star, otherStar < 0 ? other.length : otherStar);
  if (!one.startsWith(other.slice(0, start))) return false;
  const end = Math.min(one.length - one.lastIndexOf('*'), other.length - other.lastIndexOf('*')) - 1;
  if (end > 0 && !one.endsWith(other.slice(-end))) return false;
  // By column: whether the pattern so far and that part of the other one share a text.
  let before = Array.from({ length: other.length + 1 }, (_, at) => /^\**$/.test(other.slice(0, at)));
  for (const letter of one) {
    const row = [letter === '*' && before[0] === true];
    for (const [at, against] of [...other].entries()) {
      const isPast = before[at + 1] === true;
      const hasStaleParent = row[at] === true;
      const isSame = before[at] === true && letter === against;
      row.push((letter === '*' || against === '*' ? isPast || hasStaleParent : false) || isSame);
    }
    before = row;
  }
  return before.at(-1) === true;
}

export const matchesAnyGlob = (patterns: readonly string[], text: string): boolean =>
  patterns.some((pattern) => matchesGlob(pattern, text));
