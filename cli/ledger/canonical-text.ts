/** Gives a token another name. */
export type Naming = (token: string) => string;

/** An item as JSON whose tokens get their names last. It is asked often: what holds no token is written once. */
export interface CanonicalLine {
  readonly tokens: readonly string[];
  text(name: Naming): string;
}

/** Finished text, or text that waits for names. */
type Template = string | ((name: Naming) => string);

/**
 * An item as a line of JSON with sorted keys. Lists of nothing but tokens are sets: their order is that of the names.
 * @param pattern finds the tokens in a text; global
 */
export function lineOf(item: unknown, pattern: RegExp): CanonicalLine {
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
