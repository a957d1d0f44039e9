/** What is frozen with all that is in it. */
const shared = new WeakSet<object>();

/**
 * What a fake keeps, or gives out: a copy with all that is in it, as a store makes it, that nothing can change from now on. So
 * writers and readers share it, and a copy of it is itself. Records are plain objects, lists and texts; anything else
 * is left to `structuredClone`, each time anew.
 * @throws DataCloneError for what nothing could store: a function
 */
export function copied<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null) return isStorable(value) ? value : structuredClone(value);
  if (shared.has(value)) return value;
  if (Array.isArray(value)) return kept(value.map((element) => copied(element))) as Value;
  if (Object.prototype.toString.call(value) !== '[object Object]') return structuredClone(value);
  const copy: Record<string, unknown> = {};
  for (const name of Object.keys(value)) {
    const member = copied((value as Record<string, unknown>)[name]);
    // As a plain assignment it would be the object's prototype.
    if (name === '__proto__') Object.defineProperty(copy, name, { ...OWN, value: member });
    else copy[name] = member;
  }
  return kept(copy) as Value;
}

/** A map, a set or bytes in it stay as changeable as they are: then it is copied anew each time. */
function kept<Copy extends object>(copy: Copy): Copy {
  const isWhole = Object.values(copy).every(
    (member) => typeof member !== 'object' || member === null || shared.has(member),
  );
  if (!isWhole) return copy;
  shared.add(Object.freeze(copy));
  return copy;
}

const OWN = { configurable: true, enumerable: true, writable: true } as const;

const isStorable = (value: unknown): boolean => typeof value !== 'function' && typeof value !== 'symbol';
