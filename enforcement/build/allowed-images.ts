import {
  ALLOWED_IMAGES,
  ALLOWED_IMAGES_RESOURCE,
  MOST_DIGESTS,
  MOST_NAMESPACES,
  MOST_RUNNING,
  type ShardCount,
  shardSet,
} from '../../shared/domain/admission/allowed-images.ts';
import type { Manifest } from './manifest.ts';

/*
 * The images that may start, for doors that cannot ask Patchwave. An entry is looked up by its key: every search in a list or a
 * text met the limit of the API server on the cost of an expression, and then refused every pod.
 */

const [GROUP = '', VERSION = ''] = ALLOWED_IMAGES.apiVersion.split('/');

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
    readAt: { ...instant, description: 'When the reading of the ledger began of which the list is.' },
    policyVersion: { type: 'string', description: 'SHA-256 of the policy by which the images were judged.' },
    digests: {
      ...digestKeys(MOST_DIGESTS, { type: 'string', maxLength: 0 }),
      description: 'The images that may start: the 64 hexadecimal digits of a digest, each with an empty value.',
    },
    running: {
      ...digestKeys(MOST_RUNNING, {
        type: 'object',
        required: ['namespaces', 'until', 'rule'],
        properties: {
          namespaces: { type: 'array', maxItems: MOST_NAMESPACES, items: { type: 'string', maxLength: 63 } },
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
  metadata: { name: `${ALLOWED_IMAGES_RESOURCE}.${GROUP}` },
  spec: {
    group: GROUP,
    scope: 'Cluster',
    names: {
      kind: ALLOWED_IMAGES.kind,
      plural: ALLOWED_IMAGES_RESOURCE,
      singular: ALLOWED_IMAGES_RESOURCE,
    },
    versions: [
      {
        name: VERSION,
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', required: ['spec'], properties: { spec: allowedImagesSpec } } },
        additionalPrinterColumns: [
          // A date is shown as an age, and one in the future as invalid.
          { name: 'Not after', type: 'string', jsonPath: '.spec.notAfter' },
          { name: 'Read at', type: 'date', jsonPath: '.spec.readAt' },
          { name: 'Policy', type: 'string', jsonPath: '.spec.policyVersion' },
        ],
      },
    ],
  },
};

/** Lists that are out of date from the beginning, so that the doors warn until the real ones are published. */
export const firstAllowedImages = (count: ShardCount): readonly Manifest[] =>
  shardSet(count).map(({ name }) => ({
    ...ALLOWED_IMAGES,
    metadata: { name },
    spec: { notAfter: '1970-01-01T00:00:00Z', digests: {} },
  }));
