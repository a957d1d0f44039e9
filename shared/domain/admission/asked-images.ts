import { fieldOf } from './object-field.ts';

/*
 * The images that an object of Kubernetes asks for. The object is data of a stranger: every field may be missing, `null`, or of
 * another type. https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/
 */

/** One image that an object asks for. */
export interface AskedImage {
  /** Where the object names it: `spec.containers[0].image`. */
  readonly field: string;
  /** As written; absent if it is missing or no text. */
  readonly reference?: string;
}

/** A kind with a pod template: its API group, and the fields that lead to the template. */
interface TemplateKind {
  readonly group: string;
  readonly path: readonly string[];
}

const TEMPLATES = new Map<string, TemplateKind>([
  ...['Deployment', 'ReplicaSet', 'StatefulSet', 'DaemonSet'].map(
    (kind) => [kind, { group: 'apps', path: ['spec', 'template'] }] as const,
  ),
  ['ReplicationController', { group: '', path: ['spec', 'template'] }],
  ['Job', { group: 'batch', path: ['spec', 'template'] }],
  ['CronJob', { group: 'batch', path: ['spec', 'jobTemplate', 'spec', 'template'] }],
  ['PodTemplate', { group: '', path: ['template'] }],
]);

/** The kinds whose objects make pods from a template. */
export const TEMPLATE_KINDS: readonly string[] = [...TEMPLATES.keys()];

/** Whether the kind of an API group starts images itself, or makes pods from a template, or neither. */
export function startsImages(group: string, kind: string): 'pod' | 'template' | undefined {
  if (group === '' && kind === 'Pod') return 'pod';
  return TEMPLATES.get(kind)?.group === group ? 'template' : undefined;
}

/**
 * Every image that an object asks for: of containers, init containers, ephemeral containers and image volumes. An entry that
 * is not as it should be has no reference, so that a decision on it refuses it.
 * @param kind `Pod`, or one of `TEMPLATE_KINDS`; any other kind asks for none
 */
export const askedImages = (kind: string, object: unknown): readonly AskedImage[] =>
  entriesOf(kind, object).map(({ asked }) => asked);

/** How a reference ends that names a digest. */
export const ENDS_WITH_DIGEST = '@sha256:[0-9a-f]{64}$';

/**
 * What an object asks for that the one before did not: an update that keeps its images passes, because it starts nothing. A
 * container or volume keeps its own image. Any other starts, and its tag may have moved since; a digest means the same image.
 * @param before the object before an update; absent for a new one
 */
export function newlyAsked(kind: string, object: unknown, before: unknown): readonly AskedImage[] {
  const earlier = entriesOf(kind, before);
  const kept = new Set(earlier.filter(({ asked }) => asked.reference !== undefined).map(keyOf));
  const digests = new Set(
    earlier.flatMap(({ asked: { reference = '' } }) => (namesDigest(reference) ? reference : [])),
  );
  return entriesOf(kind, object)
    .filter((entry) => {
      const { reference } = entry.asked;
      return reference === undefined || !(kept.has(keyOf(entry)) || digests.has(reference));
    })
    .map(({ asked }) => asked);
}

const namesDigest = (reference: string): boolean => new RegExp(ENDS_WITH_DIGEST).test(reference);

/** What names an image in a pod. The API server lets no two containers, and no two volumes, of a pod have one name. */
interface Entry {
  readonly list: string;
  readonly name: string;
  readonly asked: AskedImage;
}

const keyOf = ({ list, name, asked: { reference } }: Entry): string => `${list} ${name} ${reference}`;

function entriesOf(kind: string, object: unknown): readonly Entry[] {
  const path = kind === 'Pod' ? [] : TEMPLATES.get(kind)?.path;
  if (!path) return [];
  const pod = path.reduce<unknown>(fieldOf, object);
  const at = [...path, 'spec'].join('.');
  const spec = fieldOf(pod, 'spec');
  const entry = (list: string, item: unknown, asked: AskedImage): Entry => {
    const name = fieldOf(item, 'name');
    return { list, name: typeof name === 'string' ? name : '', asked };
  };
  return [
    ...CONTAINER_LISTS.flatMap((list) =>
      itemsOf(spec, list).map((container, index) =>
        entry(list, container, asked(`${at}.${list}[${index}].image`, fieldOf(container, 'image'))),
      ),
    ),
    ...itemsOf(spec, 'volumes').flatMap((volume, index) => {
      const image = fieldOf(volume, 'image');
      return image === undefined || image === null
        ? []
        : [entry('volumes', volume, asked(`${at}.volumes[${index}].image.reference`, fieldOf(image, 'reference')))];
    }),
  ];
}

/** Where a pod has its containers. */
export const CONTAINER_LISTS = ['initContainers', 'containers', 'ephemeralContainers'] as const;

const asked = (field: string, reference: unknown): AskedImage =>
  typeof reference === 'string' ? { field, reference } : { field };

/** What should be a list and is none counts as one entry without a reference. */
function itemsOf(object: unknown, name: string): readonly unknown[] {
  const list = fieldOf(object, name) ?? [];
  return Array.isArray(list) ? list : [undefined];
}
