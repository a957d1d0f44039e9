import { ApiError } from './api-error.ts';
import { type ApiResource, resourceNamed } from './objects.ts';

/** What the path of a request names. */
export interface RequestTarget {
  readonly resource: ApiResource;
  readonly namespace?: string;
  /** Absent: the collection. */
  readonly name?: string;
  readonly subresource?: string;
}

const PATH =
  /^\/(?:api|apis\/(?<group>[^/]+))\/(?<version>v[^/]+)(?:\/namespaces\/(?<namespace>[^/]+)(?=\/))?\/(?<resource>[^/]+)(?:\/(?<name>[^/]+)(?:\/(?<subresource>[^/]+))?)?$/;

/** The API group that a path asks for; `undefined` for a path of objects. */
export const groupAsked = (path: string): string | undefined => /^\/apis\/([^/]+)$/.exec(path)?.[1];

/** @throws ApiError 404 for a path that no collection has */
export function targetOf(path: string): RequestTarget {
  const parts = (PATH.exec(path)?.groups ?? {}) as Readonly<Record<string, string | undefined>>;
  // `/namespaces/NAME/status` reads as a collection `status` in a namespace, but no collection has that name.
  const resource = resourceNamed(parts.group ?? '', parts.version ?? '', parts.resource ?? '');
  const { namespace, name, subresource } = parts;
  if (resource === undefined || (namespace !== undefined && !resource.isNamespaced)) {
    throw new ApiError(404, 'the server could not find the requested resource');
  }
  return {
    resource,
    ...(namespace !== undefined && { namespace: decodeURIComponent(namespace) }),
    ...(name !== undefined && { name: decodeURIComponent(name) }),
    ...(subresource !== undefined && { subresource }),
  };
}
