/** Custom resources, and server-side apply, which the embedded cloud has for their objects alone. */

import { ApiError } from './api-error.ts';
import { type ObjectStore, qualified } from './object-store.ts';
import { type ApiResource, isObject, type JsonDocument, type KubernetesObject, RESOURCES } from './objects.ts';

/** https://kubernetes.io/docs/reference/using-api/server-side-apply/ */
export const APPLY = 'application/apply-patch+yaml';

/** @throws ApiError 404 for a resource of which there is no definition */
export function checkDefined(store: ObjectStore, resource: ApiResource): void {
  if (resource.isCustom && definitionOf(store, resource) === undefined)
    throw new ApiError(404, 'the server could not find the requested resource');
}

/**
 * All writes here are strict.
 * @throws ApiError 400 for a field of the `spec` that the definition has not, 500 for an apply
 */
export function checkDeclared(
  store: ObjectStore,
  resource: ApiResource,
  { spec }: JsonDocument,
  isApply: boolean,
): void {
  const unknown = isObject(spec) ? undeclaredIn(spec, schemaOf(store, resource), 'spec') : undefined;
  if (unknown === undefined) return;
  if (isApply) throw new ApiError(500, `.${unknown}: field not declared in schema`);
  throw new ApiError(400, `strict decoding error: unknown field "${unknown}"`);
}

/** The path of a field that is not declared. Where no field is declared, each may be there. */
function undeclaredIn(value: JsonDocument, schema: DefinedSchema | undefined, path: string): string | undefined {
  const declared = schema?.properties;
  if (!declared) return undefined;
  for (const [name, member] of Object.entries(value)) {
    if (!(name in declared)) return `${path}.${name}`;
    const unknown = isObject(member) ? undeclaredIn(member, declared[name], `${path}.${name}`) : undefined;
    if (unknown !== undefined) return unknown;
  }
  return undefined;
}

/** @throws ApiError 422 if a field is absent that the definition requires */
export function checkRequired(
  store: ObjectStore,
  resource: ApiResource,
  { kind, metadata, spec }: KubernetesObject,
): void {
  const path = spec && missingIn(spec, schemaOf(store, resource), 'spec');
  if (path !== undefined) throw new ApiError(422, `${kind} "${metadata.name}" is invalid: ${path}: Required value`);
}

function missingIn(value: JsonDocument, schema: DefinedSchema | undefined, path: string): string | undefined {
  const absent = schema?.required?.find((name) => !(name in value));
  if (absent !== undefined) return `${path}.${absent}`;
  for (const [name, member] of Object.entries(value)) {
    const missing = isObject(member) ? missingIn(member, schema?.properties?.[name], `${path}.${name}`) : undefined;
    if (missing !== undefined) return missing;
  }
  return undefined;
}

/**
 * The object with another one applied. What that one leaves out stays: here nothing is known of who wrote it.
 * @throws ApiError
 */
export function applied(
  store: ObjectStore,
  resource: ApiResource,
  present: KubernetesObject,
  document: JsonDocument,
): KubernetesObject {
  if (!resource.isCustom) throw new ApiError(415, `this server does not apply objects of ${resource.kind}`);
  const { metadata, spec } = document as unknown as KubernetesObject;
  const { resourceVersion } = metadata;
  const kept = { ...present.metadata, ...(resourceVersion !== undefined && { resourceVersion }) };
  return { ...present, metadata: kept, spec: merged(present.spec ?? {}, spec ?? {}, schemaOf(store, resource)) };
}

/** Objects whose members the definition names are merged, and maps are replaced: those of this repository are atomic. */
function merged(present: JsonDocument, next: JsonDocument, schema: DefinedSchema | undefined): JsonDocument {
  const changed = Object.entries(next).map(([name, value]) => {
    const [before, inner] = [present[name], schema?.properties?.[name]];
    return [name, inner?.properties && isObject(value) && isObject(before) ? merged(before, value, inner) : value];
  });
  return { ...present, ...Object.fromEntries(changed) };
}

interface DefinedSchema {
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, DefinedSchema>>;
}

/** Of the `spec`. */
function schemaOf(store: ObjectStore, resource: ApiResource): DefinedSchema | undefined {
  const { versions } = (definitionOf(store, resource)?.spec ?? {}) as {
    readonly versions?: readonly { readonly schema?: { readonly openAPIV3Schema?: DefinedSchema } }[];
  };
  return versions?.[0]?.schema?.openAPIV3Schema?.properties?.spec;
}

const definitionOf = (store: ObjectStore, resource: ApiResource): KubernetesObject | undefined =>
  resource.isCustom
    ? store.all(RESOURCES.definitions).find(({ metadata }) => metadata.name === qualified(resource))
    : undefined;
