/** The objects of the Kubernetes API that the embedded cloud knows, and where the API serves them. */

export type JsonDocument = { readonly [name: string]: unknown };

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
}

export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  /** Counts the changes of `spec`, and of a Deployment's annotations. */
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly OwnerReference[];
}

export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly spec?: JsonDocument;
  readonly status?: JsonDocument;
  readonly [member: string]: unknown;
}

/** A collection of objects of one kind, such as `deployments` of the group `apps`. */
export interface ApiResource {
  /** The API group; empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly name: string;
  readonly kind: string;
  readonly isNamespaced: boolean;
  /** There is none until an object of CustomResourceDefinition defines it. */
  readonly isCustom?: true;
}

const resource = (group: string, name: string, kind: string, isNamespaced = true): ApiResource => ({
  ...{ group, version: 'v1', name, kind, isNamespaced },
});

const RBAC = 'rbac.authorization.k8s.io';

export const RESOURCES = {
  namespaces: resource('', 'namespaces', 'Namespace', false),
  nodes: resource('', 'nodes', 'Node', false),
  pods: resource('', 'pods', 'Pod'),
  configMaps: resource('', 'configmaps', 'ConfigMap'),
  deployments: resource('apps', 'deployments', 'Deployment'),
  replicaSets: resource('apps', 'replicasets', 'ReplicaSet'),
  statefulSets: resource('apps', 'statefulsets', 'StatefulSet'),
  daemonSets: resource('apps', 'daemonsets', 'DaemonSet'),
  controllerRevisions: resource('apps', 'controllerrevisions', 'ControllerRevision'),
  jobs: resource('batch', 'jobs', 'Job'),
  cronJobs: resource('batch', 'cronjobs', 'CronJob'),
  clusterRoles: resource(RBAC, 'clusterroles', 'ClusterRole', false),
  clusterRoleBindings: resource(RBAC, 'clusterrolebindings', 'ClusterRoleBinding', false),
  roles: resource(RBAC, 'roles', 'Role'),
  roleBindings: resource(RBAC, 'rolebindings', 'RoleBinding'),
  definitions: resource('apiextensions.k8s.io', 'customresourcedefinitions', 'CustomResourceDefinition', false),
  allowedImages: { ...resource('patchwave.dev', 'allowedimages', 'AllowedImages', false), isCustom: true },
  /** Of KEDA. */
  scaledJobs: { ...resource('keda.sh', 'scaledjobs', 'ScaledJob'), version: 'v1alpha1', isCustom: true },
  constraints: {
    ...resource('constraints.gatekeeper.sh', 'patchwaveimages', 'PatchwaveImages', false),
    version: 'v1beta1',
    isCustom: true,
  },
  validatingWebhookConfigurations: resource(
    'admissionregistration.k8s.io',
    'validatingwebhookconfigurations',
    'ValidatingWebhookConfiguration',
    false,
  ),
} as const satisfies Readonly<Record<string, ApiResource>>;

const ALL: readonly ApiResource[] = Object.values(RESOURCES);

export const apiVersionOf = ({ group, version }: ApiResource): string =>
  group === '' ? version : `${group}/${version}`;

export const resourceNamed = (group: string, version: string, name: string): ApiResource | undefined =>
  ALL.find((known) => known.group === group && known.version === version && known.name === name);

export const resourceOfKind = (apiVersion: string, kind: string): ApiResource | undefined =>
  ALL.find((known) => known.kind === kind && apiVersionOf(known) === apiVersion);

/** The path of a collection, or of one of its objects. */
export function pathOf(resource: ApiResource, namespace?: string, name?: string): string {
  const root = resource.group === '' ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`;
  const scope = namespace === undefined ? '' : `/namespaces/${namespace}`;
  return `${root}${scope}/${resource.name}${name === undefined ? '' : `/${name}`}`;
}

export const isObject = (value: unknown): value is JsonDocument =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const ownedBy = ({ metadata }: KubernetesObject, uid: string): boolean =>
  metadata.ownerReferences?.some((owner) => owner.controller === true && owner.uid === uid) === true;

/** The reference that an object has to the object that controls it. */
export const controllerOf = ({ apiVersion, kind, metadata }: KubernetesObject): OwnerReference => ({
  ...{ apiVersion, kind, name: metadata.name, uid: metadata.uid ?? '' },
  controller: true,
});
