import { matchesGlob } from '../common/glob.ts';

/**
 * Whether a host and path, as `referenceName` writes them, match one of the patterns of a policy. A `*` before the first slash of
 * a pattern stands for a part of the host alone: otherwise `*.amazonaws.com/*` would match `evil.example/x.amazonaws.com/y`.
 */
export const matchesAnyName = (patterns: readonly string[], name: string): boolean =>
  patterns.some((pattern) => matchesName(pattern, name));

function matchesName(pattern: string, name: string): boolean {
  const [slash, nameSlash] = [pattern.indexOf('/'), name.indexOf('/')];
  if (slash < 0) return matchesGlob(pattern, name);
  return (
    nameSlash >= 0 &&
    matchesGlob(pattern.slice(0, slash), name.slice(0, nameSlash)) &&
    matchesGlob(pattern.slice(slash), name.slice(nameSlash))
  );
}
