/** An own field of an object that a stranger wrote; `undefined` if there is none, or it is no object. */
export const fieldOf = (object: unknown, name: string): unknown =>
  typeof object === 'object' && object !== null && Object.hasOwn(object, name)
    ? (object as Readonly<Record<string, unknown>>)[name]
    : undefined;

/** The reference to the controller of an object, by its metadata. */
export function controllerNamedIn(metadata: unknown): unknown {
  const owners = fieldOf(metadata, 'ownerReferences');
  return Array.isArray(owners) ? owners.find((one) => fieldOf(one, 'controller') === true) : undefined;
}
