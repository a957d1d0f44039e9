import { type Document, isMap, isNode, isPair, LineCounter, type Node, parseDocument } from 'yaml';
import type { Policy } from './policy.ts';
import { checkPolicy, PolicyInvalidError } from './policy-check.ts';
import { wholePolicySchema } from './policy-rules.ts';

export { PolicyInvalidError, policyVersion } from './policy-check.ts';

/**
 * A policy written by a person in YAML or JSON. Lambda functions read checked JSON with `checkPolicy`, so their bundles
 * have no YAML parser.
 * @throws PolicyInvalidError with the path and line of every problem
 */
export function parsePolicy(text: string): Policy {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [syntax] = document.errors;
  if (syntax) {
    const problems = document.errors.map(({ message, pos }) => ({
      path: '',
      message,
      line: lines.linePos(pos[0]).line,
    }));
    throw new PolicyInvalidError(problems, { cause: syntax });
  }
  return checkPolicy(plain(document), (path) => lineOf(document, lines, path), wholePolicySchema);
}

/** The parser refuses multiplying aliases. */
function plain(document: Document): unknown {
  try {
    return document.toJS();
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new PolicyInvalidError([{ path: '', message }], { cause });
  }
}

/** The line of a field; if it is missing, that of the nearest enclosing one. */
function lineOf(document: Document, lines: LineCounter, path: readonly PropertyKey[]): number | undefined {
  for (let depth = path.length; depth >= 0; depth -= 1) {
    const node = keyOf(document, path.slice(0, depth)) ?? document.getIn(path.slice(0, depth), true);
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
  }
  return undefined;
}

/** The position of a field is that of its name, not of its value. */
function keyOf(document: Document, path: readonly PropertyKey[]): Node | undefined {
  const around = document.getIn(path.slice(0, -1), true);
  if (!isMap(around)) return undefined;
  const pair = around.items.find((item) => isPair(item) && isNode(item.key) && item.key.toJSON() === path.at(-1));
  return isNode(pair?.key) ? pair.key : undefined;
}
