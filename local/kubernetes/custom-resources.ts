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

/** All writes here are strict. @throws ApiError 400 for a field of the `spec` that the definition has not; 500 for an apply */
export function checkDeclared(
  store: ObjectStore,
  resource: ApiResource,
  { spec }: JsonDocument,
  isApply: boolean,
): void {
  const { versions } = (definitionOf(store, resource)?.spec ?? {}) as { readonly versions?: readonly DefinedVersion[] };
  const declared = versions?.[0]?.schema?.openAPIV3Schema?.properties?.spec?.properties;
  const unknown = declared && isObject(spec) ? Object.keys(spec).find((name) => !(name in declared)) : undefined;
  if (unknown === undefined) return;
  if (isApply) throw new ApiError(500, `.spec.${unknown}: field not declared in schema`);
  throw new ApiError(400, `strict decoding error: unknown field "spec.${unknown}"`);
}

/**
 * The object with another one applied. What that one leaves out stays: here nothing is known of who wrote it.
 * @throws ApiError
 */
export function applied(resource: ApiResource, present: KubernetesObject, document: JsonDocument): KubernetesObject {
  if (!resource.isCustom) throw new ApiError(415, `this server does not apply objects of ${resource.kind}`);
  const { metadata, spec } = document as unknown as KubernetesObject;
  const { resourceVersion } = metadata;
  const kept = { ...present.metadata, ...(resourceVersion !== undefined && { resourceVersion }) };
  return { ...present, metadata: kept, spec: { ...present.spec, ...spec } };
}

interface DefinedVersion {
  readonly schema?: {
    readonly openAPIV3Schema?: { readonly properties?: { readonly spec?: { readonly properties?: JsonDocument } } };
  };
}

const definitionOf = (store: ObjectStore, resource: ApiResource): KubernetesObject | undefined =>
  resource.isCustom
    ? store.all(RESOURCES.definitions).find(({ metadata }) => metadata.name === qualified(resource))
    : undefined;
