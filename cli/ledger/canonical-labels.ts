import { type Colours, coloursOf } from './canonical-colours.ts';
import { lineOf, type Naming } from './canonical-text.ts';

/** Finds names that differ from run to run inside texts. */
export interface Tokenizer {
  /** Global. */
  readonly pattern: RegExp;
  kindOf(token: string): string;
}

/**
 * Items as lines of JSON in an order that does not depend on any token, the tokens replaced by `<kind>-<number>` in
 * order of appearance.
 */
export function labelled(items: readonly unknown[], { pattern, kindOf }: Tokenizer): string[] {
  const lines = items.map((item) => lineOf(item, pattern));
  const colours = coloursOf(lines, kindOf);
  const coloured: Naming = (token) => `\u2039${colours.get(token)}\u203a`;
  const inOrder = lines
    // Colours are no order for a reader: they decide only between lines that differ in nothing else.
    .map((line) => ({ line, plain: line.text(() => ''), text: line.text(coloured) }))
    .sort((one, other) => compareTexts(one.plain, other.plain) || compareTexts(one.text, other.text));
  const appearing = inOrder.flatMap(({ text }) => [...text.matchAll(/\u2039(\w+)\u203a/g)].map(([, colour]) => colour));
  const labels = labelsOf(appearing, colours, kindOf);
  return inOrder.map(({ line }) => line.text((token) => labels.get(token) ?? token));
}

function labelsOf(
  appearing: readonly (string | undefined)[],
  colours: Colours,
  kindOf: Tokenizer['kindOf'],
): ReadonlyMap<string, string> {
  const tokens = new Map([...colours].map(([token, colour]) => [colour, token]));
  const labels = new Map<string, string>();
  const counts = new Map<string, number>();
  for (const colour of new Set(appearing)) {
    const token = tokens.get(colour ?? '');
    if (token === undefined) continue;
    const kind = kindOf(token);
    const number = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, number);
    labels.set(token, `<${kind}-${String(number).padStart(5, '0')}>`);
  }
  return labels;
}

const compareTexts = (one: string, other: string): number => (one < other ? -1 : Number(one > other));
