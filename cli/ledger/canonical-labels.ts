import { sha256Hex } from '../../shared/domain/common/canonical-json.ts';
import { byKey, compareTexts } from '../../shared/domain/common/compare-texts.ts';

/** Gives a token another name. */
type Naming = (token: string) => string;

/** An item as JSON whose tokens get their names last. It is asked often: what holds no token is written once. */
interface CanonicalLine {
  readonly tokens: readonly string[];
  text(name: Naming): string;
}

/** Finished text, or text that waits for names. */
type Template = string | ((name: Naming) => string);

/**
 * An item as a line of JSON with sorted keys. Lists of nothing but tokens are sets: their order is that of the names.
 * @param pattern finds the tokens in a text; global
 */
function lineOf(item: unknown, pattern: RegExp): CanonicalLine {
  const template = templateOf(item, pattern);
  return {
    tokens: [...new Set(JSON.stringify(item)?.match(pattern) ?? [])],
    text: (name) => written(template, name),
  };
}

const written = (template: Template, name: Naming): string =>
  typeof template === 'string' ? template : template(name);

function templateOf(value: unknown, pattern: RegExp): Template {
  if (typeof value === 'string') return textTemplate(value, pattern);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) {
    const isSet = value.every((element) => isToken(element, pattern));
    const elements = value.map((element) => templateOf(element, pattern));
    return joined(elements, (texts) => `[${(isSet ? texts.sort() : texts).join(',')}]`);
  }
  const members = Object.entries(value).map(([key, member]) =>
    joined([textTemplate(key, pattern), templateOf(member, pattern)], (texts) => texts.join(':')),
  );
  return joined(members, (texts) => `{${texts.sort().join(',')}}`);
}

function textTemplate(text: string, pattern: RegExp): Template {
  if (text.search(pattern) < 0) return JSON.stringify(text);
  return (name) => JSON.stringify(text.replace(pattern, (token) => name(token)));
}

/** Finished at once where all its parts are. */
function joined(parts: readonly Template[], join: (texts: string[]) => string): Template {
  if (parts.every((part) => typeof part === 'string')) return join([...parts]);
  return (name) => join(parts.map((part) => written(part, name)));
}

const isToken = (value: unknown, pattern: RegExp): boolean =>
  typeof value === 'string' && value.replace(pattern, '') === '';

/** For each token a name that does not depend on it. */
type Colours = ReadonlyMap<string, string>;

/**
 * Gives each token a distinct colour that depends on its positions and not on its text.
 * It colours each token by its lines, and lines by the colours of their other tokens, until no colour splits any more
 * (colour refinement). Tokens with one colour then form groups without a shared line. Each group is coloured by itself,
 * and groups are distinguished by their texts. Inside a group one token of a colour is set apart. Which one makes no
 * difference as long as they are interchangeable, as the parts of a ring are.
 *
 * @param kindOf tokens of different kinds never share a colour
 */
function coloursOf(lines: readonly CanonicalLine[], kindOf: (token: string) => string): Colours {
  const places = placesOf(lines);
  const tokens = [...places.keys()];
  const colours = new Map(tokens.map((token) => [token, sha256Hex(kindOf(token))]));
  distinguish(tokens, { places, colours });
  return colours;
}

interface Colouring {
  readonly places: ReadonlyMap<string, readonly CanonicalLine[]>;
  readonly colours: Map<string, string>;
}

function placesOf(lines: readonly CanonicalLine[]): Map<string, CanonicalLine[]> {
  const places = new Map<string, CanonicalLine[]>();
  for (const line of lines) {
    for (const token of line.tokens) {
      const known = places.get(token);
      if (known) known.push(line);
      else places.set(token, [line]);
    }
  }
  return places;
}

function distinguish(tokens: readonly string[], colouring: Colouring): void {
  const { colours } = colouring;
  refine(tokens, colouring);
  const shared = [...classesOf(tokens, colours)].filter(([, alike]) => alike.length > 1);
  const tied = shared.flatMap(([, alike]) => alike);
  const groups = groupsOf(tied, colouring);
  if (groups.length > 1) {
    for (const group of groups) distinguish(group, colouring);
    numberGroups(groups, colouring);
    return;
  }
  const [first] = shared.sort(byKey);
  if (!first) return;
  const [colour, [token = '']] = first;
  colours.set(token, sha256Hex(`set apart ${colour}`));
  distinguish(tied, colouring);
}

/** Colours tokens by where they stand until that splits no colour any more. */
function refine(tokens: readonly string[], { places, colours }: Colouring): void {
  for (let classes = 0, next = classesOf(tokens, colours).size; next > classes; ) {
    const seen = tokens.map((token): [string, string] => {
      const name: Naming = (other) => (other === token ? 'self' : (colours.get(other) ?? ''));
      const surroundings = (places.get(token) ?? []).map((line) => line.text(name)).sort();
      return [token, sha256Hex([colours.get(token), ...surroundings].join('\n'))];
    });
    for (const [token, colour] of seen) colours.set(token, colour);
    classes = next;
    next = classesOf(tokens, colours).size;
  }
}

const classesOf = (tokens: readonly string[], colours: Colours): Map<string, string[]> =>
  Map.groupBy(tokens, (token) => colours.get(token) ?? '');

/** Tokens that stand in one line, or are joined by a chain of such, are one group. */
function groupsOf(tokens: readonly string[], { places }: Colouring): string[][] {
  const left = new Set(tokens);
  const groups: string[][] = [];
  for (const start of tokens) {
    if (!left.delete(start)) continue;
    const group = [start];
    // The list grows while it is walked.
    for (const token of group) {
      const neighbours = (places.get(token) ?? []).flatMap((line) => line.tokens);
      group.push(...neighbours.filter((neighbour) => left.delete(neighbour)));
    }
    groups.push(group);
  }
  return groups;
}

/** Groups in the order of their texts. Equal texts are equal groups, so their order makes no difference. */
function numberGroups(groups: readonly string[][], { places, colours }: Colouring): void {
  const name: Naming = (token) => colours.get(token) ?? '';
  const inOrder = groups
    .map((group) => {
      const lines = new Set(group.flatMap((token) => places.get(token) ?? []));
      const texts = [...lines].map((line) => line.text(name)).sort();
      return { group, text: texts.join('\n') };
    })
    .sort((one, other) => compareTexts(one.text, other.text));
  for (const [number, { group }] of inOrder.entries()) {
    for (const token of group) colours.set(token, sha256Hex(`${number} ${colours.get(token)}`));
  }
}

/** Pattern of names that differ from run to run. */
export interface Tokenizer {
  /** Global. */
  readonly pattern: RegExp;
  kindOf(token: string): string;
}

/**
 * Items as JSON lines in an order independent of tokens, with each token replaced by `<kind>-<number>` in order of
 * appearance.
 */
export function labelled(items: readonly unknown[], { pattern, kindOf }: Tokenizer): string[] {
  const lines = items.map((item) => lineOf(item, pattern));
  const colours = coloursOf(lines, kindOf);
  const coloured: Naming = (token) => `\u2039${colours.get(token)}\u203a`;
  const inOrder = lines
    // Colours mean nothing to a reader: they only order lines that are otherwise equal.
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
