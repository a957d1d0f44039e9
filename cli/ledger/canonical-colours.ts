import { sha256Hex } from '../../shared/domain/common/canonical-json.ts';
import type { CanonicalLine, Naming } from './canonical-text.ts';

/** For each token a name that does not depend on it. */
export type Colours = ReadonlyMap<string, string>;

/**
 * A colour for each token, no two alike, that depends on where the tokens stand and not on what they are.
 *
 * Each token is coloured by the lines it is in, those by the colours of their other tokens, until no colour splits any
 * more (colour refinement). Tokens that share a colour then fall into groups that have no line in common; each group is
 * coloured by itself, and groups are told apart by their texts. Inside a group one of those that share a colour is set
 * apart; which one makes no difference as long as they are interchangeable, as the parts of a ring are.
 *
 * @param kindOf tokens of different kinds never look alike
 */
export function coloursOf(lines: readonly CanonicalLine[], kindOf: (token: string) => string): Colours {
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
  const [first] = shared.sort(([one], [other]) => compareTexts(one, other));
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

const compareTexts = (one: string, other: string): number => (one < other ? -1 : Number(one > other));
