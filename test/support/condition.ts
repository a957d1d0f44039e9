export type StoredItem = Record<string, unknown>;

interface Bindings {
  readonly ExpressionAttributeNames?: Readonly<Record<string, string>> | undefined;
  readonly ExpressionAttributeValues?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * Whether a DynamoDB condition or key condition holds for an item: comparisons, BETWEEN,
 * `attribute_exists`, `attribute_not_exists`, `attribute_type` of texts and `begins_with`, with NOT before any of them,
 * joined by AND and OR. AND binds stronger.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html
 * @throws TypeError for anything else
 */
export function holds(expression: string, item: StoredItem, bindings: Bindings): boolean {
  return expression
    .replaceAll(BETWEEN, '$1 >= $2 AND $1 <= $3')
    .replaceAll(GROUP, '$1')
    .split(' OR ')
    .some((alternative) => alternative.split(' AND ').every((term) => termHolds(term.trim(), item, bindings)));
}

const BETWEEN = /([#\w]+) BETWEEN (:\w+) AND (:\w+)/g;
/** AND binds stronger than OR: parentheses around terms that AND joins change nothing. */
const GROUP = /\(([^()]+ AND [^()]+)\)/g;
const FUNCTION = /^(?<name>\w+)\((?<path>[#\w]+)(?:, (?<value>:\w+))?\)$/;
const COMPARISON = /^(?<path>[#\w]+) (?<operator>=|<>|<|<=|>|>=) (?<value>:\w+)$/;

function termHolds(term: string, item: StoredItem, bindings: Bindings): boolean {
  if (term.startsWith('NOT ')) return !termHolds(term.slice('NOT '.length), item, bindings);
  const { name, operator, path = '', value = '' } = (FUNCTION.exec(term) ?? COMPARISON.exec(term))?.groups ?? {};
  const stored = item[bindings.ExpressionAttributeNames?.[path] ?? path];
  const bound = bindings.ExpressionAttributeValues?.[value];
  switch (name ?? operator) {
    case 'attribute_exists':
      return stored !== undefined;
    case 'attribute_not_exists':
      return stored === undefined;
    case 'attribute_type':
      return bound === 'S' && typeof stored === 'string';
    case 'begins_with':
      return String(stored ?? '').startsWith(String(bound));
    case '=':
      return stored === bound;
    case '<>':
      return stored !== bound;
    case '<':
      return compare(stored, bound) < 0;
    case '<=':
      return compare(stored, bound) <= 0;
    case '>':
      return compare(stored, bound) > 0;
    case '>=':
      return compare(stored, bound) >= 0;
    default:
      throw new TypeError(`no condition like "${term}" in memory`);
  }
}

/** A comparison with what is not there, or is of another type, never holds. */
function compare(one: unknown, other: unknown): number {
  if (typeof one === 'number' && typeof other === 'number') return one - other;
  if (typeof one === 'string' && typeof other === 'string') return one < other ? -1 : Number(one > other);
  return Number.NaN;
}
