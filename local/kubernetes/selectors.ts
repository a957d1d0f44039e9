import { ApiError } from './api-error.ts';
import { isObject, type KubernetesObject } from './objects.ts';

type Matcher = (object: KubernetesObject) => boolean;

/** Which objects the `labelSelector` and `fieldSelector` of a list select; `undefined` if it has neither. */
export function selectorOf(query: URLSearchParams): Matcher | undefined {
  const matchers = [
    ...requirements(query.get('labelSelector'), ({ metadata }, name) => metadata.labels?.[name]),
    ...requirements(query.get('fieldSelector'), fieldOf),
  ];
  return matchers.length === 0 ? undefined : (object) => matchers.every((matches) => matches(object));
}

function requirements(
  text: string | null,
  read: (object: KubernetesObject, name: string) => string | undefined,
): readonly Matcher[] {
  return (text ?? '').split(',').flatMap((part): Matcher[] => {
    if (part === '') return [];
    const [, name = '', operator, value = ''] = /^([^!=]+?)\s*(==|=|!=)\s*(.*)$/.exec(part.trim()) ?? [];
    if (operator === undefined) throw new ApiError(400, `unable to parse requirement: ${part}`);
    return [(object) => ((read(object, name) ?? '') === value) === (operator !== '!=')];
  });
}

function fieldOf(object: KubernetesObject, path: string): string | undefined {
  let found: unknown = object;
  for (const name of path.split('.')) found = isObject(found) ? found[name] : undefined;
  return typeof found === 'string' ? found : undefined;
}
