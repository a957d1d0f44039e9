import type { ConformanceCase } from './cases.ts';

/*
 * The objects of the cases, with the fields that an API server demands and no decision depends on.
 */

export type Fields = { readonly [field: string]: unknown };

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const fieldsOf = (value: unknown): Fields => (isFields(value) ? value : {});

const LABELS = { app: 'web' };
const UID = '705ab4f5-6393-11e8-b7cc-42010a800002';

/** A whole object of a case, which an API server stores. */
export function storable({ id, review, place }: ConformanceCase, object: unknown): Fields {
  if (!review) throw new Error(`The case ${id} asks no API server.`);
  const { kind } = review;
  if (kind === 'Namespace')
    return { apiVersion: 'v1', kind, metadata: { ...fieldsOf(fieldsOf(object).metadata), name: id } };
  const { metadata, spec, ...others } = fieldsOf(object);
  const { ownerReferences, ...named } = fieldsOf(metadata);
  return {
    ...{ apiVersion: API_VERSIONS[kind] ?? 'v1', kind, ...others },
    metadata: {
      ...{ ...named, name: id, namespace: place.namespace },
      ...(Array.isArray(ownerReferences) && {
        ownerReferences: ownerReferences.map((one) => ({ apiVersion: 'apps/v1', uid: UID, ...fieldsOf(one) })),
      }),
    },
    ...specOf(kind, { ...others, ...(spec !== undefined && { spec }) }, fieldsOf(named.annotations)),
  };
}

const API_VERSIONS: Readonly<Record<string, string>> = {
  ...{ Deployment: 'apps/v1', ReplicaSet: 'apps/v1', StatefulSet: 'apps/v1', DaemonSet: 'apps/v1' },
  ...{ Job: 'batch/v1', CronJob: 'batch/v1' },
};

function specOf(kind: string, object: Fields, annotations: Fields): Fields {
  const spec = fieldsOf(object.spec);
  switch (kind) {
    case 'Pod':
      // The server takes the mirror of a static pod only with the node that runs it.
      return { spec: { ...('kubernetes.io/config.mirror' in annotations && { nodeName: 'a' }), ...spec } };
    case 'PodTemplate':
      return { template: templateOf(object.template) };
    case 'CronJob': {
      const job = fieldsOf(fieldsOf(spec.jobTemplate).spec);
      return {
        spec: { schedule: '0 3 * * *', jobTemplate: { spec: { template: templateOf(job.template, 'Never') } } },
      };
    }
    case 'Job':
      return { spec: { template: templateOf(spec.template, 'Never') } };
    case 'ReplicationController':
      return { spec: { ...spec, selector: LABELS, template: templateOf(spec.template) } };
    case 'StatefulSet':
      return { spec: { ...spec, serviceName: 'web', ...selected(spec) } };
    case 'Service':
      return { spec: { ...spec, ports: [{ port: 80 }] } };
    default:
      return { spec: { ...spec, ...selected(spec) } };
  }
}

const selected = ({ template }: Fields): Fields => ({
  ...{ selector: { matchLabels: LABELS }, template: templateOf(template) },
});

const templateOf = (template: unknown, restartPolicy = 'Always'): Fields => ({
  ...{ metadata: { labels: LABELS }, spec: { restartPolicy, ...fieldsOf(fieldsOf(template).spec) } },
});

/** What the server stores, changed as a case says; a container keeps what the server has set in it. */
export function overlaid(stored: unknown, change: unknown): unknown {
  if (Array.isArray(change))
    return change.map((one) => {
      const same =
        isFields(one) && Array.isArray(stored) ? stored.find((other) => fieldsOf(other).name === one.name) : {};
      return isFields(one) && one.name !== undefined ? overlaid(same, one) : one;
    });
  if (!isFields(change)) return change;
  const before = fieldsOf(stored);
  return {
    ...before,
    ...Object.fromEntries(Object.entries(change).map(([field, value]) => [field, overlaid(before[field], value)])),
  };
}
