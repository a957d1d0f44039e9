/**
 * The value with all that is in it, anew, as `structuredClone` makes it. Records are plain objects, lists and texts, and for
 * these it takes a fraction of the time; anything else is left to `structuredClone`.
 * @throws DataCloneError for what nothing could store: a function
 */
export function copied<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null) return isStorable(value) ? value : structuredClone(value);
  if (Array.isArray(value)) return value.map(copied) as Value;
  if (Object.prototype.toString.call(value) !== '[object Object]') return structuredClone(value);
  const copy: Record<string, unknown> = {};
  for (const name of Object.keys(value)) {
    const member = copied((value as Record<string, unknown>)[name]);
    // As a plain assignment it would be the object's prototype.
    if (name === '__proto__') Object.defineProperty(copy, name, { ...OWN, value: member });
    else copy[name] = member;
  }
  return copy as Value;
}

const OWN = { configurable: true, enumerable: true, writable: true } as const;

const isStorable = (value: unknown): boolean => typeof value !== 'function' && typeof value !== 'symbol';
