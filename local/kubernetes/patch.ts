import { isDeepStrictEqual } from 'node:util';
import { ApiError } from './api-error.ts';
import { isObject, type JsonDocument } from './objects.ts';

/** The object with a patch applied. A media type that the API server does not know is answered 415. */
export function patched(object: JsonDocument, patch: unknown, mediaType: string): JsonDocument {
  if (mediaType === 'application/json-patch+json') return jsonPatched(object, patch);
  if (!isObject(patch)) throw new ApiError(400, 'the patch is not a JSON object');
  if (mediaType === 'application/merge-patch+json') return merged(object, patch, () => undefined);
  if (mediaType === 'application/strategic-merge-patch+json') return merged(object, patch, mergeKeyOf);
  throw new ApiError(415, `the body of the request was in an unknown format: ${mediaType}`);
}

/**
 * The member by which the elements of a list are matched in a strategic merge patch. Other lists are replaced.
 * https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.36/ (patch merge keys)
 */
const MERGE_KEYS: Readonly<Record<string, string>> = {
  containers: 'name',
  initContainers: 'name',
  ephemeralContainers: 'name',
  volumes: 'name',
  env: 'name',
  imagePullSecrets: 'name',
  conditions: 'type',
};

const mergeKeyOf = (list: string): string | undefined => MERGE_KEYS[list];

/** https://www.rfc-editor.org/rfc/rfc7396, and lists by their merge key where they have one. */
function merged(object: JsonDocument, patch: JsonDocument, keyOf: (list: string) => string | undefined): JsonDocument {
  const result: Record<string, unknown> = { ...object };
  for (const [name, value] of Object.entries(patch)) {
    const key = keyOf(name);
    const before = result[name];
    if (value === null) delete result[name];
    else if (key !== undefined && Array.isArray(value)) {
      result[name] = mergedList(Array.isArray(before) ? before : [], value, key, keyOf);
    } else if (isObject(value)) result[name] = merged(isObject(before) ? before : {}, value, keyOf);
    else result[name] = value;
  }
  return result;
}

function mergedList(
  before: readonly unknown[],
  patch: readonly unknown[],
  key: string,
  keyOf: (list: string) => string | undefined,
): unknown[] {
  const result = [...before];
  for (const change of patch) {
    if (!isObject(change)) throw new ApiError(400, 'an element of the patched list is not an object');
    const place = result.findIndex((element) => isObject(element) && element[key] === change[key]);
    if (change.$patch === 'delete') {
      if (place >= 0) result.splice(place, 1);
      continue;
    }
    const element = result[place];
    const next = merged(isObject(element) ? element : {}, change, keyOf);
    if (place >= 0) result[place] = next;
    else result.push(next);
  }
  return result;
}

/**
 * https://www.rfc-editor.org/rfc/rfc6902; `move` and `copy` are left out. As in kube-apiserver, `replace` also adds a member
 * that an object does not have.
 */
function jsonPatched(object: JsonDocument, patch: unknown): JsonDocument {
  if (!Array.isArray(patch)) throw new ApiError(400, 'a JSON patch is an array');
  const result: unknown = structuredClone(object);
  for (const operation of patch) {
    if (!isObject(operation) || typeof operation.path !== 'string') throw new ApiError(400, 'a JSON patch names paths');
    applyOperation(result, operation.path, operation.op, operation.value);
  }
  return result as JsonDocument;
}

function applyOperation(root: unknown, path: string, op: unknown, value: unknown): void {
  const names = path
    .split('/')
    .slice(1)
    .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));
  const last = names.pop() ?? '';
  let parent = root;
  for (const name of names) parent = isContainer(parent) ? parent[name] : undefined;
  if (!isContainer(parent)) throw new ApiError(422, `the path ${path} does not exist`);
  const holder = parent;
  if (op === 'test') {
    if (!isDeepStrictEqual(holder[last], value)) {
      throw new ApiError(422, `testing value ${path} failed: test failed`);
    }
  } else if (op === 'remove') {
    if (!(last in holder)) throw new ApiError(422, `the path ${path} does not exist`);
    if (Array.isArray(holder)) holder.splice(Number(last), 1);
    else delete holder[last];
  } else if (op === 'replace' && Array.isArray(holder) && !(last in holder)) {
    throw new ApiError(422, `the path ${path} does not exist`);
  } else if (op === 'add' && Array.isArray(holder)) {
    holder.splice(last === '-' ? holder.length : Number(last), 0, value);
  } else if (op === 'add' || op === 'replace') holder[last] = value;
  else throw new ApiError(400, `the JSON patch operation ${String(op)} is not supported`);
}

const isContainer = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
