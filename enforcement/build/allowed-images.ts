import type { Manifest } from './manifest.ts';

/*
 * The images that may start, for doors that cannot ask Patchwave. An entry is looked up by its key: every search in a list or a
 * text met the limit of the API server on the cost of an expression, and then refused every pod.
 */

const GROUP = 'patchwave.dev';
export const ALLOWED_IMAGES = { apiVersion: `${GROUP}/v1`, kind: 'AllowedImages' } as const;

/** Fewer than fit in one object of etcd (1.5 MiB). */
export const MOST_DIGESTS = 20_000;

/** How many lists there are: all digests in one, or one for each first letter of a digest. */
export const SHARD_COUNTS = [1, 16] as const;
export type ShardCount = (typeof SHARD_COUNTS)[number];

/** One list: the digests that begin with the letter, or all. */
export interface Shard {
  /** Of the object. */
  readonly name: string;
  readonly prefix: string;
}

export const shards = (count: ShardCount): readonly Shard[] =>
  count === 1
    ? [{ name: 'all', prefix: '' }]
    : [...'0123456789abcdef'].map((prefix) => ({ name: `digests-${prefix}`, prefix }));

const digestKeys = (most: number, values: object) => ({
  type: 'object',
  maxProperties: most,
  // Otherwise a server-side apply would keep an owner of each entry, which doubles the object.
  'x-kubernetes-map-type': 'atomic',
  additionalProperties: values,
});

const instant = { type: 'string', format: 'date-time' };

/** The schema of a list. */
export const allowedImagesSpec = {
  type: 'object',
  required: ['notAfter', 'digests'],
  properties: {
    notAfter: { ...instant, description: 'From this instant on the list refuses nothing: its doors only warn.' },
    policyVersion: { type: 'string', description: 'SHA-256 of the policy by which the images were judged.' },
    digests: {
      ...digestKeys(MOST_DIGESTS, { type: 'string', maxLength: 0 }),
      description: 'The images that may start: the 64 hexadecimal digits of a digest, each with an empty value.',
    },
    running: {
      ...digestKeys(1000, {
        type: 'object',
        required: ['namespaces', 'until', 'rule'],
        properties: {
          namespaces: { type: 'array', maxItems: 100, items: { type: 'string', maxLength: 63 } },
          until: instant,
          rule: { type: 'string', maxLength: 63 },
        },
      }),
      description: 'Images that violate a rule, and may start again where they run already, with a warning.',
    },
  },
};

export const allowedImagesDefinition: Manifest = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `allowedimages.${GROUP}` },
  spec: {
    group: GROUP,
    scope: 'Cluster',
    names: { kind: ALLOWED_IMAGES.kind, plural: 'allowedimages', singular: 'allowedimages' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', required: ['spec'], properties: { spec: allowedImagesSpec } } },
        additionalPrinterColumns: [
          { name: 'Not after', type: 'date', jsonPath: '.spec.notAfter' },
          { name: 'Policy', type: 'string', jsonPath: '.spec.policyVersion' },
        ],
      },
    ],
  },
};

/** Lists that are out of date from the beginning, so that the doors warn until the real ones are published. */
export const firstAllowedImages = (count: ShardCount): readonly Manifest[] =>
  shards(count).map(({ name }) => ({
    ...ALLOWED_IMAGES,
    metadata: { name },
    spec: { notAfter: '1970-01-01T00:00:00Z', digests: {} },
  }));
